/** What known adapters can do at best. */

import type { NetworkName } from "./networks.ts";
import { convolutionWork, lbfgsWork, lossWork, sum, type Work } from "./work.ts";

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
