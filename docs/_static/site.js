// The theme has a button without a name, which opens a branch of the list of pages, and one whose name is not its text.
addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll(".has-children > details > summary:not([aria-label])")) {
    const link = summary.closest(".has-children").querySelector("a")
    summary.setAttribute("aria-label", `the pages below ${link.textContent.trim()}`)
  }
  for (const search of document.querySelectorAll(".search-button-field[aria-label]")) {
    search.removeAttribute("aria-label") // its text names it
  }
})
