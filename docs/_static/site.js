// The theme's button that opens a branch of the list of pages has no name: give it one.
addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll(".has-children > details > summary:not([aria-label])")) {
    const link = summary.closest(".has-children").querySelector("a")
    summary.setAttribute("aria-label", `the pages below ${link.textContent.trim()}`)
  }
})
