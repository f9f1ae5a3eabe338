// A reader of the golden vectors, and four operations written from their formulas, in exact numbers.
// Run: node vectors.js FOLDER. It prints how many vectors it checked, and fails at the first that is not right.
"use strict";
const fs = require("fs");
const path = require("path");

// --- exact numbers: fractions of whole numbers of any size

const gcd = (a, b) => (b === 0n ? a : gcd(b, a % b));
const abs = (a) => (a < 0n ? -a : a);

function fraction(top, bottom = 1n) {
  const common = gcd(abs(top), bottom);
  return { top: top / common, bottom: bottom / common };
}

const parse = (text) => fraction(...text.split("/").map(BigInt));
const zero = fraction(0n);
const add = (a, b) => fraction(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom);
const times = (a, b) => fraction(a.top * b.top, a.bottom * b.bottom);
const sum = (numbers) => numbers.reduce(add, zero);
const positive = (a) => (a.top > 0n ? a : zero);

// --- arrays: nested lists

const each = (f, a) => (Array.isArray(a) ? a.map((part) => each(f, part)) : f(a));
const range = (count) => [...Array(count).keys()];
const write = (a) => JSON.stringify(each((x) => (x.bottom === 1n ? `${x.top}` : `${x.top}/${x.bottom}`), a));
const shapeOf = (a) => (Array.isArray(a) ? [a.length, ...shapeOf(a[0])] : []);
const array = (written) => written && each(parse, written.values);

// --- the operations

const gate = (u, x) => (Array.isArray(x) ? x.map((part, n) => gate(u[n], part)) : x.top > 0n ? u : zero);
const relu = ({ x, grad_output }) => ({ y: each(positive, x), dx: gate(grad_output, x) });

const linear = ({ x, weight, bias }) => ({
  y: x.map((row) => weight.map((w, o) => sum([bias ? bias[o] : zero, ...w.map((one, f) => times(one, row[f]))]))),
});

function conv2d({ x, weight, bias }, { stride, padding, dilation }) {
  const [, channels, ...size] = shapeOf(x);
  const kernel = shapeOf(weight).slice(2);
  const [rows, columns] = size.map((n, axis) =>
    Math.floor((n + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) + 1);
  const cell = (map, i, j) => (map[i] && map[i][j]) || zero; // outside of the picture there are zeros
  const output = (picture, o, i, j) => sum([bias ? bias[o] : zero, ...range(channels).flatMap((c) =>
    range(kernel[0]).flatMap((u) => range(kernel[1]).map((v) => times(weight[o][c][u][v], cell(picture[c],
      stride[0] * i + dilation[0] * u - padding[0], stride[1] * j + dilation[1] * v - padding[1])))))]);
  return { y: x.map((picture) => range(weight.length).map((o) =>
    range(rows).map((i) => range(columns).map((j) => output(picture, o, i, j))))) };
}

function gradCam({ A, g }) {
  const alphas = g.map((map) => times(sum(map.flat()), fraction(1n, BigInt(map.flat().length))));
  const weightedSum = A[0].map((row, i) => row.map((_, j) => sum(A.map((map, k) => times(alphas[k], map[i][j])))));
  return { alphas, weighted_sum: weightedSum, cam: each(positive, weightedSum) };
}

// --- the check

for (const [name, operation] of Object.entries({ relu, linear, conv2d, grad_cam: gradCam })) {
  const { tests } = JSON.parse(fs.readFileSync(path.join(process.argv[2], `${name}.json`), "utf8"));
  for (const test of tests) {
    const inputs = Object.fromEntries(Object.entries(test.inputs).map(([key, value]) => [key, array(value)]));
    for (const [output, came] of Object.entries(operation(inputs, test.options))) {
      if (write(came) !== write(array(test.outputs[output]))) throw new Error(`${name} ${test.id}: ${output}`);
    }
  }
  console.log(name, tests.length);
}
