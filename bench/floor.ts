/** Prints the tables of docs/performance.md that are arithmetic: `tsx bench/floor.ts [NETWORK...] [SIZE...]`. */
import { optionTable } from "../engine/options.ts";
import { table, tableOf } from "./tables.ts";
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
  const forward = totalOf(layers.map((layer) => layer.forward));
  const backward = totalOf(layers.map((layer) => layer.backward));
  const all = totalOf([forward, backward, ...losses, optimizer]);
  const sums = [
    ["convolutions", "", ...work(forward), ...work(backward)],
    ...losses.map((loss) => [`${loss.kind} ${loss.layer}`, "", "", "", ...work(loss)]),
    [`L-BFGS, ${HISTORY} pairs`, "", "", "", ...work(optimizer)],
    ["step", "", "", "", ...work(all)],
  ];
  const head = ["", "shape", "forward GFLOP", "MB", "backward GFLOP", "MB"];
  console.log(`### ${network}, ${size}x${size}\n\n${table(head, [...convolutions, ...sums])}\n`);
  printAdapters(all);
}

/** With f16, everything takes half the bytes. */
function printAdapters({ operations, bytes }: Work): void {
  const ms = (amount: number, perSecond: number) => ((1e3 * amount) / perSecond).toFixed(2);
  const text = tableOf(adapters, [
    ["ms", ({ name }) => name],
    ["f32 arithmetic", ({ f32 }) => ms(operations, f32 * 1e12)],
    ["f32 memory", ({ memory }) => ms(bytes, memory * 1e9)],
    ["f16 matrix arithmetic", ({ matrix }) => ms(operations, matrix * 1e12)],
    ["f16 memory", ({ memory }) => ms(bytes / 2, memory * 1e9)],
  ]);
  console.log(`${text}\n`);
}

const args = process.argv.slice(2);
const sizes = args.map(Number).filter((size) => size > 0);
const networks = networkNames.filter((name) => args.includes(name));
if (sizes.length + networks.length < args.length)
  throw new Error(`Expected sizes and names of ${networkNames.join(", ")} but received '${args.join(" ")}'.`);
for (const network of networks.length > 0 ? networks : (["vgg19"] as const)) {
  for (const size of sizes.length > 0 ? sizes : [256, 512]) printFloor(network, size);
}
