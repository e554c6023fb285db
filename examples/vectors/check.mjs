// Golden vectors from JavaScript: no Python, no dependencies.
//
//     scratchrl vectors --out vectors
//     node examples/vectors/check.mjs vectors/gae.json examples/vectors/gae.mjs
//
// The module's default export takes one object of named arguments (arrays are {shape, data}, last axis fastest) and
// returns an array of outputs, each a flat array. A wrong answer is compared with what every known mistake answers.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// 0x1.8p+1 -> 3: sixteen hexadecimal digits and a power of two fit a double without rounding.
export function float(hex) {
  if (/nan/.test(hex)) return NaN;
  if (/inf/.test(hex)) return hex[0] === "-" ? -Infinity : Infinity;
  const [, sign, whole, fraction = "", power] = /^(-?)0x([01])\.?([0-9a-f]*)p([+-]\d+)$/.exec(hex);
  let digits = parseInt(whole, 16);
  for (const digit of fraction) digits = digits * 16 + parseInt(digit, 16);
  const scale = Number(power) - 4 * fraction.length; // in two steps, for 2^scale alone may underflow
  const half = Math.trunc(scale / 2);
  return (sign ? -1 : 1) * digits * 2 ** half * 2 ** (scale - half);
}

function argument(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(argument);
  if (!("shape" in value)) return float(value.hex);
  return { shape: value.shape, data: value.values ?? value.hex.map(float) };
}

function within(answer, right, budget) {
  return Object.is(answer, right) || Math.abs(answer - right) <= budget || (Number.isNaN(answer) && Number.isNaN(right));
}

// The hex is the truth rounded to a double, at most half an ulp away; the budget counts from the truth.
function agrees(answers, outputs, budgets) {
  return answers.length > 0 && answers.every((answer, i) => {
    const right = outputs[i].hex.map(float);
    const ulp = (x) => Math.abs(x) * 2 ** -53;
    return answer.length === right.length && right.every((x, j) => within(answer[j], x, float(budgets[i].budget64[j]) + ulp(x)));
  });
}

export function check(vectors, subject) {
  const failed = vectors.tests.filter((test) => {
    const inputs = Object.fromEntries(Object.entries(test.inputs).map(([name, value]) => [name, argument(value)]));
    test.answers = subject(inputs);
    return !test.comment.startsWith("stress") && !agrees(test.answers, test.outputs, test.outputs);
  });
  const fits = (slug) => vectors.tests.every((test) =>
    test.comment.startsWith("stress") || agrees(test.answers, test.mistakes[slug] ?? test.outputs, test.outputs));
  return { failed: failed.length, total: vectors.tests.length, names: failed.length ? Object.keys(vectors.notes).filter(fits) : [] };
}

if (process.argv[1]?.endsWith("check.mjs")) {
  const [file, module] = process.argv.slice(2);
  if (module === undefined) {
    console.error("usage: node check.mjs VECTORS.json MODULE.mjs");
    process.exit(2);
  }
  const vectors = JSON.parse(readFileSync(file, "utf8"));
  const { default: subject } = await import(pathToFileURL(module));
  const { failed, total, names } = check(vectors, subject);
  console.log(failed ? `${vectors.spec}: ${failed} of ${total} tests failed` : `${vectors.spec}: all ${total} tests passed`);
  for (const name of names) console.log(`  it computes ${name}: ${vectors.notes[name].formula}`);
  process.exit(failed ? 1 : 0);
}
