/**
 * What the peers in JavaScript share: `node PEER FOLDER REPS SECONDS` reads the task that task.ts wrote to
 * FOLDER, evaluates loss and gradient at its start picture REPS times, or until SECONDS have passed, and prints one
 * line of JSON.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { create, globals } from "webgpu";

const [folder = "", reps = "1", seconds = "60"] = process.argv.slice(2);

/** Importable from the folder of the peers' own packages. */
export const require = createRequire(import.meta.url);

/** package.json of a package, which not all export. */
export const packageOf = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8"));

/**
 * Gives the process a browser's `navigator.gpu`, through the same Dawn as the engine's: the adapter whose name contains
 * `adapter`.
 */
export function useDawn(adapter) {
  const gpu = create(adapter ? [`adapter=${adapter}`] : []);
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "node" }, configurable: true });
}

/** task.json with every array in place; the peers in JavaScript take square pictures of `size` pixels a side. */
export function readTask() {
  const task = JSON.parse(readFileSync(join(folder, "task.json"), "utf8"));
  const bytes = readFileSync(join(folder, "task.bin"));
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const load = ({ offset, count }) => values.subarray(offset, offset + count);
  return {
    ...task,
    size: task.start.width,
    layers: task.layers.map((layer) => ({ ...layer, weight: load(layer.weight), bias: load(layer.bias) })),
    content: load(task.content),
    style: load(task.style),
    start: load(task.start),
  };
}

/**
 * Runs `evaluate`, which resolves with the loss and the gradient in memory, and reports. The first run is not counted.
 */
export async function report(engine, evaluate) {
  const times = [];
  let found = await evaluate();
  const end = performance.now() + 1000 * Number(seconds);
  do {
    const began = performance.now();
    found = await evaluate();
    times.push(performance.now() - began);
  } while (times.length < Number(reps) && performance.now() < end);
  const peakProcess = 1024 * process.resourceUsage().maxRSS;
  const { loss, gradient } = found;
  const gradientNorm = Math.sqrt(squares(gradient));
  console.log(JSON.stringify({ engine, loss, gradientNorm, times, peakProcess }));
  process.exit(0);
}

/** |values|^2 */
export function squares(values) {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}
