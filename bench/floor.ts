/** Prints the tables of docs/performance.md that are arithmetic: `tsx bench/floor.ts [SIZE...]`. */
import { optionTable } from "../engine/options.ts";
import { table } from "./tables.ts";
import { convolutionWork, lbfgsWork, lossWork, sum, type Work } from "./work.ts";

/** Pairs of L-BFGS: the engine's default. */
const HISTORY = optionTable.history.default;

/** Published peaks: f32 and f16-matrix operations with f32 sums (without sparsity) in TFLOP/s, memory in GB/s. */
const adapters = [
  { name: "NVIDIA T4", f32: 8.1, matrix: 65, memory: 320 },
  { name: "NVIDIA L4", f32: 30.3, matrix: 121, memory: 300 },
  { name: "NVIDIA A10G", f32: 31.2, matrix: 70, memory: 600 },
  { name: "NVIDIA H100 SXM", f32: 66.9, matrix: 989, memory: 3350 },
  { name: "NVIDIA H200", f32: 66.9, matrix: 989, memory: 4800 },
] as const;

const giga = ({ operations }: Work) => (operations / 1e9).toFixed(2);
const mega = ({ bytes }: Work) => (bytes / 1e6).toFixed(1);

function total(parts: readonly Work[]): Work {
  return {
    operations: sum(parts.map((part) => part.operations)),
    bytes: sum(parts.map((part) => part.bytes)),
  };
}

function printFloor(size: number): void {
  const layers = convolutionWork(size);
  const losses = lossWork(size);
  const optimizer = lbfgsWork(size, HISTORY);
  const work = (part: Work) => [giga(part), mega(part)];
  const convolutions = layers.map(({ name, inChannels, outChannels, side, forward, backward }) => [
    name,
    `${inChannels} -> ${outChannels}, ${side}x${side}`,
    ...work(forward),
    ...work(backward),
  ]);
  const both = total(layers.flatMap(({ forward, backward }) => [forward, backward]));
  const sums = [
    [
      "convolutions",
      "",
      ...work(total(layers.map((l) => l.forward))),
      ...work(total(layers.map((l) => l.backward))),
    ],
    ...losses.map((loss) => [`${loss.kind} ${loss.layer}`, "", "", "", ...work(loss)]),
    [`L-BFGS, ${HISTORY} pairs`, "", "", "", ...work(optimizer)],
    ["step", "", "", "", ...work(total([both, ...losses, optimizer]))],
  ];
  const head = ["", "shape", "forward GFLOP", "MB", "backward GFLOP", "MB"];
  console.log(`### ${size}x${size}\n\n${table(head, [...convolutions, ...sums])}\n`);
  printAdapters(total([both, ...losses, optimizer]), optimizer.bytes);
}

/** With f16, maps and weights take half the bytes; `history` is the optimiser's, which stays f32. */
function printAdapters({ operations, bytes }: Work, history: number): void {
  const halved = (bytes - history) / 2 + history;
  const ms = (amount: number, perSecond: number) => ((1e3 * amount) / perSecond).toFixed(2);
  const rows = adapters.map(({ name, f32, matrix, memory }) => [
    name,
    ms(operations, f32 * 1e12),
    ms(bytes, memory * 1e9),
    ms(operations, matrix * 1e12),
    ms(halved, memory * 1e9),
  ]);
  const head = ["ms", "f32 arithmetic", "f32 memory", "f16 matrix arithmetic", "f16 memory"];
  console.log(`${table(head, rows)}\n`);
}

const sizes = process.argv.slice(2).map(Number);
for (const size of sizes.length > 0 ? sizes : [256, 512]) printFloor(size);
