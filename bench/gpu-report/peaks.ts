/**
 * What the adapter reaches with nothing else to do (peak_*.wgsl): what the profile of a step
 * is held against; how many workgroups that takes; and what a submission costs.
 */
import { readFileSync } from "node:fs";
import type { GpuContext } from "../../engine/gpu/context.ts";
import type { Kernel } from "../../engine/gpu/kernel.ts";
import { type MatrixConfig, matrixDirectives } from "../../engine/gpu/matrix-units.ts";
import { linearGrid, Program } from "../../engine/gpu/program.ts";
import { Timer } from "../../engine/gpu/timer.ts";
import { withSubgroups } from "../../engine/gpu/wgsl.ts";
import { messageOf } from "../processes.ts";
import { open } from "./adapter.ts";
import { peakNames } from "./peak-names.ts";
import type { Peak } from "./report.ts";
import { doUnits, type Unit, type UnitsRequest } from "./requests.ts";
import { failureOf, leastTime } from "./trial.ts";

/** Bytes of the buffer that is copied: beyond any cache on a GPU. */
const COPIED = { gpu: 2 ** 28, software: 2 ** 22 } as const;

/** Workgroups of products that fill any GPU. */
const FULL = 4096;

/** Operations of an invocation in a round: eight sums of four lanes, a product and an addition each. */
const OPERATIONS = 2 * 4 * 8;

/** Workgroups with which the choice of tiles is judged. */
const fewer = [16, 32, 64, 128, 256, 512, 1024];

export async function measurePeaks(request: UnitsRequest): Promise<void> {
  using context = await open(request);
  const full = request.oneOfEach ? 16 : FULL;
  const ofProducts = (what: string, precision: "f32" | "f16", groups: number) =>
    unitOf(what, "GFLOP/s", () => products(context, precision, groups));
  const units: Unit<Peak>[] = [
    ofProducts(peakNames.products.f32, "f32", full),
    ofProducts(peakNames.products.f16, "f16", full),
    ...context.matrixConfigs.map((config) => {
      const { operand, m, n, k, subgroup, isAsked } = config;
      const size = isAsked ? `, subgroups of ${subgroup}` : "";
      const what = `${peakNames.matrix} of ${operand}, ${m}x${n}x${k}${size}`;
      return unitOf(what, "GFLOP/s", () => matrixProducts(context, config, full));
    }),
    unitOf(peakNames.memory, "GB/s", () => copies(context)),
    unitOf("an empty submission and its answer, on the host's clock", "ms", () => roundTrip(context)),
    ...(request.oneOfEach ? [] : fewer).map((groups) =>
      ofProducts(`products, f32, in ${groups} workgroups of 256`, "f32", groups),
    ),
  ];
  await doUnits(units, request.skip);
}

function unitOf(what: string, unit: Peak["unit"], measure: () => Promise<number>): Unit<Peak> {
  const run = async (): Promise<Peak> => {
    try {
      return { what, unit, value: await measure() };
    } catch (error) {
      failureOf(error); // throws a lost device
      return { what, unit, problem: messageOf(error) };
    }
  };
  return { label: what, run };
}

/** GFLOP/s of multiply-adds in `groups` workgroups. */
function products(context: GpuContext, precision: "f32" | "f16", groups: number): Promise<number> {
  if (precision === "f16" && !context.device.features.has("shader-f16"))
    throw new Error(`Expected an adapter with shader-f16 but ${context.adapterName} has none.`);
  const operations = OPERATIONS * 256 * groups;
  return rate(context, productsKernel(context, precision), groups, 4 * 256 * groups, operations);
}

export function productsKernel(context: GpuContext, precision: "f32" | "f16"): Kernel {
  const head = [...(precision === "f16" ? ["enable f16;"] : []), `alias Value = ${precision};`];
  return context.generatedKernel(`peak_products ${precision}`, () =>
    [...head, shader("peak_products")].join("\n"),
  );
}

/** Sums of a subgroup in peak_matrix.wgsl, and its subgroups. */
const [SUMS, SUBGROUPS] = [4, 4];

/** The same on matrix units. */
function matrixProducts(context: GpuContext, config: MatrixConfig, groups: number): Promise<number> {
  const { m, n, k, subgroup } = config;
  const operations = 2 * m * n * k * SUMS * SUBGROUPS * groups;
  return rate(context, matrixKernel(context, config), groups, 4 * SUBGROUPS * subgroup * groups, operations);
}

export function matrixKernel(context: GpuContext, config: MatrixConfig): Kernel {
  const { operand, m, n, k, subgroup, isAsked } = config;
  const sizes = { M: m, N: n, K: k, SUBGROUP: subgroup };
  const text = () =>
    [
      ...matrixDirectives(config),
      ...Object.entries(sizes).map(([name, value]) => `const ${name} = ${value}u;`),
      `alias Operand = ${operand};`,
      shader("peak_matrix"),
    ].join("\n");
  const label = `peak_matrix ${operand} ${m}x${n}x${k} of ${subgroup}`;
  return context.generatedKernel(label, isAsked ? () => withSubgroups(text(), subgroup) : text);
}

/** Where rounds are enough: the clock and the start of a dispatch don't count any more. */
const ENOUGH_MS = 10;

/** GFLOP/s of a kernel that repeats `operations` for `params.rounds` and leaves `bytes` in `y`. */
async function rate(
  context: GpuContext,
  kernel: Kernel,
  groups: number,
  bytes: number,
  operations: number,
): Promise<number> {
  using arena = context.arena("peak");
  const timer = new Timer(context, arena);
  const y = arena.buffer("y", bytes);
  for (let rounds = 64; ; rounds *= 4) {
    const program = new Program(context, arena);
    program.dispatch(kernel, { y }, { rounds }, [groups, 1, 1]);
    await program.run();
    const ms = await leastTime(timer, program);
    if (ms >= ENOUGH_MS || rounds >= 2 ** 20) return (operations * rounds) / ms / 1e6;
  }
}

/** GB/s. */
async function copies(context: GpuContext): Promise<number> {
  using arena = context.arena("copies");
  const timer = new Timer(context, arena);
  const bytes = Math.min(COPIED[context.isSoftware ? "software" : "gpu"], context.maxBufferBytes);
  const texels = Math.floor(bytes / 16);
  const program = await context.guarded(() => {
    const [x, y] = [arena.buffer("x", 16 * texels), arena.buffer("y", 16 * texels)];
    const recorded = new Program(context, arena);
    recorded.dispatch(copyKernel(context), { x, y }, { texels }, linearGrid(Math.ceil(texels / 256)));
    return recorded;
  });
  await program.run();
  return (2 * 16 * texels) / (await leastTime(timer, program)) / 1e6;
}

export const copyKernel = (context: GpuContext): Kernel =>
  context.generatedKernel("peak_memory", () => shader("peak_memory"));

/** Milliseconds from an empty submission to the answer that it is done. */
async function roundTrip({ device }: GpuContext): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    device.queue.submit([device.createCommandEncoder().finish()]);
    await device.queue.onSubmittedWorkDone();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

const shader = (name: string): string => readFileSync(new URL(`${name}.wgsl`, import.meta.url), "utf8");
