// --- Numbers of the reader's own: the page computes all that follows again, exactly ----------------------------

const answers = geometry.answers;

// A number is a fraction {n, d} of two BigInts in lowest terms, with d > 0.

function fraction(n, d = 1n) {
  const common = divisor(n < 0n ? -n : n, d);
  return {n: n / common, d: d / common};
}

function divisor(a, b) {  // the greatest common one, after Euclid
  while (b) [a, b] = [b, a % b];
  return a;
}

const zero = fraction(0n);
const plus = (a, b) => fraction(a.n * b.d + b.n * a.d, a.d * b.d);
const times = (a, b) => fraction(a.n * b.n, a.d * b.d);
const minus = (a, b) => plus(a, times(fraction(-1n), b));
const same = (a, b) => a.n === b.n && a.d === b.d;
const sum = numbers => numbers.reduce(plus, zero);
const written = ({n, d}) => d === 1n ? `${n}` : `${n}/${d}`;

/** Return the number that a text stands for. Throw an error whose message says what is wrong with the text. */
function read(text) {
  const tidy = text.trim().replace(/^[−–]/, "-"), found = tidy.match(/^([+-]?)(\d*)(?:\.(\d*)|\s*\/\s*(\d+))?$/);
  const allowed = "Write an integer, a decimal such as 2.5, or a fraction such as 5/2.";
  if (tidy.length > 40) throw new RangeError(`“${tidy.slice(0, 40)}…” is too long: a number has at most 40 characters here.`);
  const [, sign, whole, decimals = "", below = "1"] = found ?? [, "", ""];
  if (!whole && !decimals) throw new RangeError(`“${tidy}” is not a number. ${allowed}`);
  if (!/[1-9]/.test(below)) throw new RangeError(`“${tidy}” is not a number: nothing can be divided by 0. ${allowed}`);
  const size = fraction(BigInt(whole + decimals), 10n ** BigInt(decimals.length) * BigInt(below));
  return sign === "-" ? times(fraction(-1n), size) : size;
}

const readAll = texts => Array.isArray(texts) ? texts.map(readAll) : fraction(...texts.split("/").map(BigInt));
const picture = readAll(answers.x);

// A change has a name, such as x.1.4 or A.3.1.2: what is changed, the number of the map, the row, the column.
const CHANGED = {x: "image", A: "feature_maps", g: "gradients"};
let changes = {};

// --- The network ----------------------------------------------------------------------------------------------

// The network is two rows of layers: features and head. Both work on a plain list of numbers x. There are two kinds.
// {rivals}: each output is the largest of some rivals. Rival n is the n-th number of x, and rival 0 is the constant 0.
//   Of equal rivals the first wins and gets the gradient. So a ReLU, with the rivals 0 and n, is shut at 0.
// {terms, bias}: each output is a sum of terms, a number of x times a weight, and a bias.
const [features, head] = [answers.features, answers.head].map(layers => layers.map(({rivals, weight, bias}) =>
  rivals ? {rivals} : {terms: readAll(weight).map(termsOf), bias: readAll(bias)}));

function termsOf(row) {
  return row.map((weight, place) => ({place, weight})).filter(term => term.weight.n);
}

function forward({rivals, terms, bias}, x) {
  if (rivals) return rivals.map(places => valueOf(winner(places, x), x));
  return terms.map((row, n) => plus(bias[n], sum(row.map(({place, weight}) => times(weight, x[place])))));
}

/** Return dy/dx of a layer from dy/doutput. */
function backward({rivals, terms}, slopes, x) {
  const found = x.map(() => zero);
  const add = (place, slope) => { if (place >= 0) found[place] = plus(found[place], slope) };
  slopes.forEach((slope, n) => {
    if (rivals) add(winner(rivals[n], x) - 1, slope);
    else for (const {place, weight} of terms[n]) add(place, times(weight, slope));
  });
  return found;
}

const valueOf = (rival, x) => rival ? x[rival - 1] : zero;
const winner = (rivals, x) => rivals.reduce((best, one) => minus(valueOf(one, x), valueOf(best, x)).n > 0n ? one : best);
const run = (layers, x) => layers.reduce((values, layer) => forward(layer, values), x);
const scoreOf = A => run(head, A.flat(2))[answers.class];

/** Return dy/dA, by one run forward and one back. */
function slopesOf(A) {
  const inputs = [A.flat(2)];
  for (const layer of head) inputs.push(forward(layer, inputs.at(-1)));
  const oneHot = inputs.pop().map((_, n) => n === answers.class ? fraction(1n) : zero);
  return asMaps(head.reduceRight((slopes, layer, n) => backward(layer, slopes, inputs[n]), oneHot));
}

/** Return a list of numbers as feature maps. */
function asMaps(numbers) {
  const [count, rows, columns] = answers.maps;
  return Array.from({length: count}, (_, k) => table(rows, columns, (i, j) => numbers[(k * rows + i) * columns + j]));
}

// --- The stages -----------------------------------------------------------------------------------------------

const table = (rows, columns, cell) =>
  Array.from({length: rows}, (_, i) => Array.from({length: columns}, (_, j) => cell(i, j)));
const each = (map, cell) => map.map((row, i) => row.map((value, j) => cell(value, i, j)));
const added = maps => each(maps[0], (_, i, j) => sum(maps.map(map => map[i][j])));

/** Return all stages, given the changes: {"x.1.4": a number, …}. */
function compute(changes) {
  const yours = (what, maps) => maps.map((map, k) =>
    each(map, (value, i, j) => changes[`${what}.${k + 1}.${i + 1}.${j + 1}`] ?? value));
  const x = each(picture, (value, i, j) => changes[`x.${i + 1}.${j + 1}`] ?? value);
  const made = asMaps(run(features, x.flat())), A = yours("A", made);
  const slopes = slopesOf(A), g = yours("g", slopes);
  const alphas = g.map(map => times(sum(map.flat()), fraction(1n, BigInt(map.flat().length))));
  const weighted = A.map((map, k) => each(map, value => times(alphas[k], value)));
  const L = added(weighted), heat = each(L, value => value.n > 0n ? value : zero);
  const {rows, columns} = geometry.seen;
  const without = (i, j) => each(x, (value, r, c) => rows[i].includes(r) && columns[j].includes(c) ? zero : value);
  const scoreWithout = (i, j) => run([...features, ...head], without(i, j).flat())[answers.class];
  const drops = each(L, (_, i, j) => minus(scoreOf(made), scoreWithout(i, j)));
  const hires = added(A.map((map, k) => each(map, (value, i, j) => times(value, g[k][i][j]))));
  return {x, made, A, slopes, g, alphas, weighted, L, heat, drops, hires, score: scoreOf(A)};
}

/** Return the score with 1 more in one cell of A. */
function raised(A, k, i, j) {
  const isIt = (...place) => String(place) === String([k, i, j]);
  return scoreOf(A.map((map, n) => each(map, (value, r, c) => isIt(n, r, c) ? plus(value, fraction(1n)) : value)));
}

// --- Showing them ---------------------------------------------------------------------------------------------

function toNumber({n, d}) {  // of a very long fraction the last digits are cut off, so that both parts are floats
  const cut = 10n ** BigInt(Math.max(0, `${d}`.length - 200));
  return Number(n / cut) / Number(d / cut);
}

/** Return a number in five digits, or in three if it takes more than seven characters. An integer of seven digits is whole. */
function decimal(value) {
  const number = toNumber(value), text = value.d === 1n ? written(value) : `${+number.toPrecision(5)}`;
  const isLong = text.replace("-", "").length > 7 || value.d !== 1n && Math.abs(number) >= 1e5;
  return (isLong ? number.toPrecision(3) : text).replace("-", "−");
}

function exactly(value) {  // "143/5 = 28.6", as numpycam writes it
  const [exact, rounded] = [written(value).replace("-", "−"), decimal(value)];
  return exact === rounded ? exact : `${exact} = ${rounded}`;
}

const rgb = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
const hex = colour => "#" + colour.map(part => Math.round(part).toString(16).padStart(2, "0")).join("");
const mixed = (one, other, t) => one.map((part, n) => (1 - t) * part + t * other[n]);

function between(colours, t) {
  const at = Math.min(Math.max(t, 0), 1) * (colours.length - 1), first = Math.min(Math.floor(at), colours.length - 2);
  return mixed(rgb(colours[first]), rgb(colours[first + 1]), at - first);
}

function isDark(colour) {  // whether white on it has more contrast than black, as in WCAG 2
  const linear = colour.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return (luminance + 0.05) ** 2 < 1.05 * 0.05;
}

function paintCell(cell, colour) {
  cell.style.setProperty("--colour", hex(colour));
  cell.className = isDark(colour) ? "on-dark" : "on-light";
}

/** Show the maps of a stage, with colours from the lowest to the highest of the limits. */
function fill(stage, maps, colours, limits) {
  maps.forEach((map, n) => {
    const grid = grids(stage, null)[n], texts = map.flat().map(decimal);
    grid.style.setProperty("--longest", Math.max(...texts.map(text => text.length)));
    all("td", grid).forEach((cell, at) => {
      const value = map.flat()[at];
      paintCell(cell, between(colours, (toNumber(value) - limits[0]) / (limits[1] - limits[0] || 1)));
      cell.textContent = texts[at];
      cell.dataset.value = exactly(value);
    });
  });
  const ends = all(".legend span", grids(stage, null)[0].closest("section"));
  if (ends.length) [ends[0].textContent, ends.at(-1).textContent] = limits.map(short);
}

const short = number => `${+number.toPrecision(5)}`.replace("-", "−");

function balanced(maps) {
  const largest = Math.max(...maps.flat(2).map(value => Math.abs(toNumber(value)))) || 1;
  return [-largest, largest];
}

/** Lay the map over the picture, as numpycam.display.overlay does. */
function paint(x, heat) {
  const [rows, columns] = answers.resize, values = each(heat, toNumber), pixels = each(x, toNumber);
  const large = table(rows.length, columns.length, (r, c) =>
    values.reduce((total, row, i) => total + row.reduce((part, value, j) => part + rows[r][i] * columns[c][j] * value, 0), 0));
  const largest = Math.max(...large.flat()), flat = pixels.flat();
  const [low, high] = Math.min(...flat) < 0 || Math.max(...flat) > 1 ? [Math.min(...flat), Math.max(...flat)] : [0, 1];
  const grid = grids("overlay", null)[0];
  all("td", grid).forEach((cell, at) => {
    const grey = 255 * (flat[at] - low) / (high - low || 1), opacity = answers.strength * (largest ? large.flat()[at] / largest : 0);
    paintCell(cell, mixed([grey, grey, grey], answers.paint.map(part => 255 * part), opacity));
  });
  all(".over b", grid).forEach((label, n) => { label.textContent = decimal(heat.flat()[n]) });
  const ends = all(".legend span", grid.closest("section"));
  if (ends.length) ends.at(-1).textContent = short(Math.max(...values.flat()));
}

const before = new Map();  // what stands on the page if nothing is changed

function remember() {
  for (const node of all("main td, .legend span, .over b, #score")) {
    const {innerHTML, className, dataset: {value, raised}} = node;
    before.set(node, {innerHTML, className, style: node.getAttribute("style"), data: {value, raised}});
  }
  for (const grid of all(".grid")) before.set(grid, {style: grid.getAttribute("style"), data: {}});
}

function restore() {
  for (const [node, {style, data, ...rest}] of before) {
    Object.assign(node, rest);
    if (style !== null) node.setAttribute("style", style);
    for (const name in data) if (data[name] !== undefined) node.dataset[name] = data[name];
  }
}

/** Compute all stages and show them, say which numbers are the reader's, and keep them in the address. */
function answer() {
  const s = compute(changes), names = Object.keys(changes), {signed, positive} = answers.colours;
  restore();
  if (names.length) {
    const grey = s.x.flat().map(toNumber);
    fill("image", [s.x], ["#000000", "#ffffff"], [Math.min(0, ...grey), Math.max(1, ...grey)]);
    const stages = {feature_maps: s.A, gradients: s.g, alphas: s.alphas.map(value => [[value]]), weighted_maps: s.weighted,
                    weighted_sum: [s.L], test: [s.drops, s.hires, s.L]};
    for (const [stage, maps] of Object.entries(stages)) fill(stage, maps, signed, balanced(maps));
    fill("localization_map", [s.heat], positive, [0, balanced([s.heat])[1]]);
    paint(s.x, s.heat);
    document.getElementById("score").textContent = exactly(s.score);
    grids("gradients", null).forEach((grid, k) => all("td", grid).forEach(cell => {
      cell.dataset.raised = decimal(raised(s.A, k, cell.parentNode.rowIndex, cell.cellIndex));
    }));
    names.map(cellOf).forEach(cell => cell.classList.add("mine"));
  }
  all(".these").forEach(text => { text.hidden = names.length > 0 });  // it is about the old numbers
  lookedAt = "";  // the cell at which one points has another number
  tell(s, names);
  work();
}

function cellOf(name) {
  const [what, ...places] = name.split("."), [k, row, column] = what === "x" ? [null, ...places] : places;
  return grids(CHANGED[what], k)[0]?.querySelector("table").rows[row - 1]?.cells[column - 1];
}

/** Return the name of a cell's change; undefined if the cell cannot be changed. */
function nameOf(cell) {
  const {stage, k} = cell.closest(".grid").dataset, what = Object.keys(CHANGED).find(key => CHANGED[key] === stage);
  return what && [what, ...(k ? [k] : []), cell.parentNode.rowIndex + 1, cell.cellIndex + 1].join(".");
}

/** Return the number of a cell if the reader does not change it. */
function unchanged(name, s) {
  const [what, ...places] = name.split(".");
  return places.reduce((part, place) => part[place - 1], {x: picture, A: s.made, g: s.slopes}[what]);
}

function tell(s, names) {
  const symbols = {x: () => "x", A: k => `A^${k}`, g: k => `dy/dA^${k}`};
  const told = names.map(name => {
    const [what, ...places] = name.split("."), k = what === "x" ? null : places.shift();
    return `${symbols[what](k)} row ${places[0]}, column ${places[1]}: ${exactly(changes[name])} (was ${exactly(unchanged(name, s))})`;
  });
  const has = what => names.some(name => name.startsWith(what));
  const rest = ["All that follows from them is computed again, exactly."];
  if (has("A")) {
    rest.push("The network does not make these cells of A from the picture.");
    rest.push(geometry.affine ? "dy/dA stays as it is: it does not depend on A." : "y and dy/dA are the head’s at your A.");
  }
  if (has("g")) rest.push("These cells of dy/dA are not the head’s. So α and all after it are yours. y is still the head’s.");
  if (has("A") || has("g")) rest.push("The measured drop is still that of the network and the picture.");
  document.getElementById("yours").hidden = !names.length;
  document.getElementById("yours-are").textContent = names.length ? `Yours: ${told.join("; ")}. ${rest.join(" ")}` : "";
  document.getElementById("here").href = address();
}

function address() {
  const told = Object.keys(changes).map(name => `${name}=${written(changes[name])}`).join("&");
  return `#${sections[step].id}${told && "?" + told}`;
}

/** Take the changes from the address. What is not a change of this page is left out, and said. */
function takeFromAddress() {
  const refused = [];
  changes = {};
  for (const part of (location.hash.split("?")[1] ?? "").split("&").filter(Boolean)) {
    const [name, text = ""] = part.split("=");
    try {
      const isName = /^(x|[Ag]\.[1-9]\d?)\.[1-9]\.[1-9]$/.test(name);
      if (!isName || !cellOf(name)) throw new RangeError(`“${part}” names no number of this page.`);
      changes[name] = read(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused.push(error.message);
    }
  }
  const made = compute(changes);
  for (const name in changes) if (same(changes[name], unchanged(name, made))) delete changes[name];
  answer();
  say(refused.join(" "));
}

const say = text => { document.getElementById("refused").textContent = text };

// --- Changing a cell ------------------------------------------------------------------------------------------

function edit(cell, typed) {
  const name = nameOf(cell), now = compute(changes), number = changes[name] ?? unchanged(name, now);
  const text = cell.innerHTML;
  const input = document.createElement("input");
  input.value = typed ?? written(number);
  const place = `row ${cell.parentNode.rowIndex + 1}, column ${cell.cellIndex + 1}`;
  input.setAttribute("aria-label", `${cell.closest(".grid").dataset.name}, ${place}: its new number`);
  input.setAttribute("aria-describedby", "refused");
  input.autocomplete = "off";
  cell.replaceChildren(input);
  input.focus();
  if (typed === undefined) input.select();
  let open = true;
  const close = () => { open = false; cell.innerHTML = text };
  const take = () => {
    let value;
    try {
      value = read(input.value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      input.setAttribute("aria-invalid", "true");
      say(error.message);
      return false;
    }
    close();
    say("");
    if (!same(value, number)) change(name, value, now);
    return true;
  };
  input.addEventListener("blur", () => { if (open && !take()) { close(); say("") } });
  input.addEventListener("keydown", event => {
    event.stopPropagation();
    if (event.key === "Enter" && take() || event.key === "Escape") {
      if (open) { close(); say("") }
      cell.focus();
      event.preventDefault();
    }
  });
}

function change(name, value, s) {
  if (same(value, unchanged(name, s))) delete changes[name];
  else changes[name] = value;
  history.pushState(null, "", address());
  answer();
}

const canBeChanged = cell => cell?.matches("td") && nameOf(cell) && !cell.querySelector("input");

document.querySelector("main").addEventListener("click", event => {
  const cell = event.target.closest("td");
  if (cell && canBeChanged(cell)) edit(cell);
});
document.querySelector("main").addEventListener("keydown", event => {
  const cell = event.target;
  if (event.ctrlKey || event.altKey || event.metaKey || !canBeChanged(cell)) return;
  if (event.key === "Enter" || event.key === "F2") edit(cell);
  else if (/^[-−+.\d]$/.test(event.key)) edit(cell, event.key);
  else return;
  event.preventDefault();
});
document.getElementById("reset").addEventListener("click", () => {
  changes = {};
  history.pushState(null, "", address());
  say("");
  answer();
  sections[step].querySelector("h2").focus({preventScroll: true});
});
document.documentElement.classList.add("answers");
remember();
