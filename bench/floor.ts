/** Prints the tables of docs/performance.md that are arithmetic: `tsx bench/floor.ts [NETWORK...] [SIZE...]`. */
import { optionTable } from "../engine/options.ts";
import { table } from "./tables.ts";
import { type NetworkName, networkNames } from "./task.ts";
import { adapters, convolutionWork, lbfgsWork, lossWork, totalOf, type Work } from "./work.ts";

/** Pairs of L-BFGS: the engine's default. */
const HISTORY = optionTable.history.default;

const giga = ({ operations }: Work) => (operations / 1e9).toFixed(2);
const mega = ({ bytes }: Work) => (bytes / 1e6).toFixed(1);

function printFloor(network: NetworkName, size: number): void {
  const layers = convolutionWork(network, size);
  const losses = lossWork(network, size);
  const optimizer = lbfgsWork(size, HISTORY);
  const work = (part: Work) => [giga(part), mega(part)];
  const convolutions = layers.map(({ name, inChannels, outChannels, side, forward, backward }) => [
    name,
    `${inChannels} -> ${outChannels}, ${side}x${side}`,
    ...work(forward),
    ...work(backward),
  ]);
  const both = totalOf(layers.flatMap(({ forward, backward }) => [forward, backward]));
  const sums = [
    [
      "convolutions",
      "",
      ...work(totalOf(layers.map((l) => l.forward))),
      ...work(totalOf(layers.map((l) => l.backward))),
    ],
    ...losses.map((loss) => [`${loss.kind} ${loss.layer}`, "", "", "", ...work(loss)]),
    [`L-BFGS, ${HISTORY} pairs`, "", "", "", ...work(optimizer)],
    ["step", "", "", "", ...work(totalOf([both, ...losses, optimizer]))],
  ];
  const head = ["", "shape", "forward GFLOP", "MB", "backward GFLOP", "MB"];
  console.log(`### ${network}, ${size}x${size}\n\n${table(head, [...convolutions, ...sums])}\n`);
  printAdapters(totalOf([both, ...losses, optimizer]));
}

/** With f16, everything takes half the bytes. */
function printAdapters({ operations, bytes }: Work): void {
  const ms = (amount: number, perSecond: number) => ((1e3 * amount) / perSecond).toFixed(2);
  const rows = adapters.map(({ name, f32, matrix, memory }) => [
    name,
    ms(operations, f32 * 1e12),
    ms(bytes, memory * 1e9),
    ms(operations, matrix * 1e12),
    ms(bytes / 2, memory * 1e9),
  ]);
  const head = ["ms", "f32 arithmetic", "f32 memory", "f16 matrix arithmetic", "f16 memory"];
  console.log(`${table(head, rows)}\n`);
}

const args = process.argv.slice(2);
const sizes = args.map(Number).filter((size) => size > 0);
const networks = networkNames.filter((name) => args.includes(name));
if (sizes.length + networks.length < args.length)
  throw new Error(`Expected sizes and names of ${networkNames.join(", ")} but received '${args.join(" ")}'.`);
for (const network of networks.length > 0 ? networks : (["vgg19"] as const)) {
  for (const size of sizes.length > 0 ? sizes : [256, 512]) printFloor(network, size);
}
