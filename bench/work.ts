/**
 * The work of one step in operations and bytes, by arithmetic: the floor that measurements are held against.
 *
 * One multiply-add is two operations. Bytes count each f32 map, weight or history vector once where an operation must
 * read or write it, and masks at one bit a value: what would remain if everything else stayed in registers and caches.
 */
import { type ConvName, type ReluName, reluName } from "../engine/network/layers.ts";
import { sum } from "./report.ts";
import { layersOf, type NetworkName, terms } from "./task.ts";

export interface Work {
  readonly operations: number;
  readonly bytes: number;
}

export interface LayerWork {
  readonly name: ConvName;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Side of its maps in pixels. */
  readonly side: number;
  readonly forward: Work;
  readonly backward: Work;
}

/**
 * Each convolution of a direct step at `size` x `size`; backward is the gradient of its input, weights being frozen.
 */
export function convolutionWork(network: NetworkName, size: number): LayerWork[] {
  return layersOf(network).map(({ name, block, inChannels, outChannels }) => {
    const side = Math.floor(size / 2 ** block);
    const pixels = side ** 2;
    const operations = 2 * 9 * inChannels * outChannels * pixels;
    const maps = 4 * pixels * (inChannels + outChannels);
    const weights = 4 * 9 * inChannels * outChannels;
    // conv1_1's input is the picture, which has no ReLU
    const maskRead = inChannels === 3 ? 0 : (pixels * inChannels) / 8;
    return {
      name,
      inChannels,
      outChannels,
      side,
      forward: { operations, bytes: maps + weights + (pixels * outChannels) / 8 },
      backward: { operations, bytes: maps + weights + maskRead },
    };
  });
}

export interface LossWork extends Work {
  readonly layer: ReluName;
  readonly kind: "style" | "content";
}

/** Each loss term: the symmetric half of F F^T and (G - A) F of a style layer, differences of a content layer. */
export function lossWork(network: NetworkName, size: number): LossWork[] {
  const layers = new Map(convolutionWork(network, size).map((layer) => [reluName(layer.name), layer]));
  return terms.flatMap((term): LossWork[] => {
    if (term.kind === "tv") return [];
    const { outChannels: channels, side } = layers.get(term.layer)!;
    const values = channels * side ** 2;
    // read for the value, read for the gradient (of a content layer: the target), gradient written
    const bytes = 4 * 3 * values;
    const operations = term.kind === "style" ? 3 * channels * values : 6 * values;
    return [{ layer: term.layer, kind: term.kind, operations, bytes }];
  });
}

/** A step of L-BFGS with `history` pairs: four dot products with each pair, then their combination. */
export function lbfgsWork(size: number, history: number): Work {
  const values = 3 * size ** 2;
  return { operations: 12 * history * values, bytes: 4 * 4 * history * values };
}

/** Operations of all convolutions of a step, forward and backward: what "effective GFLOP/s" are counted in. */
export function stepOperations(network: NetworkName, size: number): number {
  const layers = convolutionWork(network, size);
  return sum(layers.map(({ forward, backward }) => forward.operations + backward.operations));
}

export interface Peaks {
  readonly name: string;
  /** TFLOP/s in f32, and of f16 matrix units with f32 sums, without sparsity. */
  readonly f32: number;
  readonly matrix: number;
  /** GB/s */
  readonly memory: number;
}

/** Published by their maker. */
export const adapters: readonly Peaks[] = [
  { name: "NVIDIA T4", f32: 8.1, matrix: 65, memory: 320 },
  { name: "NVIDIA L4", f32: 30.3, matrix: 121, memory: 300 },
  { name: "NVIDIA A10G", f32: 31.2, matrix: 70, memory: 600 },
  { name: "NVIDIA H100 SXM", f32: 66.9, matrix: 989, memory: 3350 },
  { name: "NVIDIA H200", f32: 66.9, matrix: 989, memory: 4800 },
];

/** The adapter that `text`, a driver's name for it, means; undefined if its peaks are not known. */
export function peaksOf(text: string): Peaks | undefined {
  // a PCIe H100 is slower than the SXM that the table has
  if (/h100/i.test(text) && /pcie|nvl/i.test(text)) return undefined;
  return adapters.find(({ name }) => {
    const model = name.split(" ")[1]!;
    return new RegExp(`\\b${model}\\b`, "i").test(text);
  });
}

/** The work of a whole step at `size` with `history` pairs of L-BFGS, 0 for none. */
export function stepWork(network: NetworkName, size: number, history: number): Work {
  const layers = convolutionWork(network, size).flatMap(({ forward, backward }) => [forward, backward]);
  return totalOf([...layers, ...lossWork(network, size), lbfgsWork(size, history)]);
}

export function totalOf(parts: readonly Work[]): Work {
  return {
    operations: sum(parts.map((part) => part.operations)),
    bytes: sum(parts.map((part) => part.bytes)),
  };
}

/** Milliseconds that an f32 step of such work by direct convolutions can't go below. */
export function floorMs({ f32, memory }: Peaks, { operations, bytes }: Work): number {
  return 1e3 * Math.max(operations / (f32 * 1e12), bytes / (memory * 1e9));
}
