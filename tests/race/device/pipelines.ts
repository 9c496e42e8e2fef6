/** Shader modules, pipelines and bind groups: what is wrong with them throws. */
import { matrixFeature, subgroupSizeFeature } from "../../../engine/gpu/matrix-units.ts";
import type { LoadedKernel, Machine } from "../machine/machine.ts";
import { Memory, SharedMemory, TextureMemory } from "../machine/memory.ts";
import { compile, type Program } from "../wgsl/compile.ts";
import { WgslError } from "../wgsl/error.ts";
import type { BoundVariable } from "../wgsl/module-scope.ts";
import { alignOf, fieldsOf, granuleOf, sizeOf, strideOf, type Type } from "../wgsl/types.ts";
import type { RaceBuffer, RaceView } from "./resources.ts";
import { expectThat } from "./strict.ts";

/** What an adapter offers. */
export interface Offer {
  readonly limits: GPUSupportedLimits;
  readonly features: ReadonlySet<string>;
  readonly matrixConfigs: readonly ListedMatrix[];
  /** Invocations of a subgroup, at least and at most. */
  readonly subgroups: readonly [least: number, most: number];
}

/** A configuration of matrix units as Dawn lists them. */
export interface ListedMatrix {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export interface RaceModule {
  readonly label: string;
  readonly code: string;
  getCompilationInfo(): Promise<{ readonly messages: readonly object[] }>;
}

/** Each text is compiled once. */
const compiled = new Map<string, Program | WgslError>();

function compiledProgram(code: string): Program | WgslError {
  let program = compiled.get(code);
  if (!program) {
    try {
      program = compile(code);
    } catch (error) {
      if (!(error instanceof WgslError)) throw error;
      program = error;
    }
    compiled.set(code, program);
  }
  return program;
}

export function createModule({ label = "", code }: GPUShaderModuleDescriptor): RaceModule {
  const getCompilationInfo = async () => {
    const error = compiledProgram(code);
    if (!(error instanceof WgslError)) return { messages: [] };
    return { messages: [{ type: "error", lineNum: error.line, linePos: 1, message: error.message }] };
  };
  return { label, code, getCompilationInfo };
}

export interface RaceLayout {
  readonly label: string;
  readonly entries: readonly GPUBindGroupLayoutEntry[];
}

export interface RacePipeline extends LoadedKernel {
  readonly layout: RaceLayout;
}

/** The kernel of a module, once it is sure that the adapter can run it on what the layout promises. */
export function createPipeline(
  { label, code }: RaceModule,
  layout: RaceLayout,
  offer: Offer,
  placeOf: (line: number) => string,
): RacePipeline {
  const program = compiledProgram(code);
  if (program instanceof WgslError) throw program;
  checkFeatures(program, offer);
  const { subgroup } = program;
  const [least, most] = offer.subgroups;
  expectThat(
    subgroup === undefined || (subgroup >= least && subgroup <= most),
    () => `Expected subgroups of ${least} to ${most} but the kernel asks for ${subgroup}.`,
  );
  checkLimits(program, offer.limits);
  for (const variable of program.bound) checkEntry(variable, layout);
  return { label, program, layout, placeOf };
}

const features: Readonly<Record<string, string>> = {
  f16: "shader-f16",
  subgroups: "subgroups",
  subgroup_size_control: subgroupSizeFeature,
  chromium_experimental_subgroup_matrix: matrixFeature,
};

function checkFeatures({ enabled, products }: Program, { features: offered, matrixConfigs }: Offer): void {
  for (const extension of enabled)
    expectThat(offered.has(features[extension]!), () => `Expected a device with '${features[extension]}'.`);
  for (const { operand, result, m, n, k } of products)
    expectThat(
      matrixConfigs.some(
        (config) =>
          config.componentType === operand &&
          config.resultComponentType === result &&
          config.M === m &&
          config.N === n &&
          config.K === k,
      ),
      () => `Expected matrix units that multiply ${operand}>${result} ${m}x${n}x${k}.`,
    );
}

function checkLimits({ size, workgroup, bound }: Program, limits: GPUSupportedLimits): void {
  const [x, y, z] = size;
  const memory = workgroup.reduce((sum, { type }) => sum + Math.ceil(sizeOf(type) / 16) * 16, 0);
  const count = (space: BoundVariable["space"]) =>
    bound.filter((variable) => variable.space === space).length;
  const wanted: readonly (readonly [keyof GPUSupportedLimits, number])[] = [
    ["maxComputeWorkgroupSizeX", x],
    ["maxComputeWorkgroupSizeY", y],
    ["maxComputeWorkgroupSizeZ", z],
    ["maxComputeInvocationsPerWorkgroup", x * y * z],
    ["maxComputeWorkgroupStorageSize", memory],
    ["maxStorageBuffersPerShaderStage", count("storage")],
    ["maxStorageTexturesPerShaderStage", count("texture")],
    ["maxUniformBuffersPerShaderStage", count("uniform")],
  ];
  for (const [limit, needed] of wanted)
    expectThat(
      needed <= Number(limits[limit]),
      () => `Expected ${limit} of ${needed} but it is ${limits[limit]}.`,
    );
}

function checkEntry(variable: BoundVariable, { entries }: RaceLayout): void {
  const { name, binding, space, isWritable, type } = variable;
  const entry = entries.find((candidate) => candidate.binding === binding);
  expectThat(entry !== undefined, () => `Expected '${name}' in the layout but it is not there.`);
  const kind = space === "uniform" ? "uniform" : isWritable ? "storage" : "read-only-storage";
  if (type.kind === "texture") {
    const { format, access, viewDimension } = entry.storageTexture ?? {};
    const wanted = { read: "read-only", write: "write-only", read_write: "read-write" }[type.access];
    const isSame =
      format === type.format && access === wanted && viewDimension === (type.isArray ? "2d-array" : "2d");
    expectThat(isSame, () => `Expected the layout to have '${name}' as the shader does.`);
    return;
  }
  const { buffer } = entry;
  expectThat(buffer?.type === kind, () => `Expected '${name}' to be ${kind} in the layout.`);
  const least = leastBytes(type);
  expectThat(
    Number(buffer.minBindingSize) >= least,
    () => `Expected minBindingSize of '${name}' to be ${least}.`,
  );
}

/** Bytes of a binding at least: those of one element where their number is up to it. */
function leastBytes(type: Type): number {
  if (type.kind === "array" && type.count === undefined) return strideOf(type.element);
  if (type.kind !== "struct") return sizeOf(type);
  const last = fieldsOf(type).at(-1)!;
  return Math.ceil((last.offset + leastBytes(last.type)) / alignOf(type)) * alignOf(type);
}

export interface RaceBindGroup {
  readonly layout: RaceLayout;
  readonly entries: readonly RaceEntry[];
}

type RaceEntry = { readonly binding: number } & (
  | { readonly buffer: RaceBuffer; readonly offset: number; readonly size: number }
  | { readonly view: RaceView }
);

export function createBindGroup(
  layout: RaceLayout,
  given: Iterable<GPUBindGroupEntry>,
  { limits }: Offer,
): RaceBindGroup {
  const entries = [...given].map(({ binding, resource }) => {
    const expected = layout.entries.find((entry) => entry.binding === binding);
    expectThat(expected !== undefined, () => `Expected no entry ${binding} of '${layout.label}'.`);
    return "texture" in resource
      ? viewEntry(binding, resource as unknown as RaceView, expected)
      : bufferEntry(binding, resource as GPUBufferBinding, expected, limits);
  });
  const names = layout.label;
  expectThat(entries.length === layout.entries.length, () => `Expected all entries of '${names}'.`);
  checkAliases(entries, layout);
  return { layout, entries };
}

function viewEntry(binding: number, view: RaceView, { storageTexture }: GPUBindGroupLayoutEntry): RaceEntry {
  const { texture, dimension } = view;
  const isFitting = storageTexture?.format === texture.format && storageTexture.viewDimension === dimension;
  expectThat(isFitting, () => `Expected '${texture.label}' to be what binding ${binding} is.`);
  return { binding, view };
}

function bufferEntry(
  binding: number,
  resource: GPUBufferBinding,
  { buffer: layout }: GPUBindGroupLayoutEntry,
  limits: GPUSupportedLimits,
): RaceEntry {
  const buffer = resource.buffer as unknown as RaceBuffer;
  const { offset = 0, size = buffer.size - offset } = resource;
  const isUniform = layout?.type === "uniform";
  const alignment = isUniform
    ? limits.minUniformBufferOffsetAlignment
    : limits.minStorageBufferOffsetAlignment;
  const most = isUniform ? limits.maxUniformBufferBindingSize : limits.maxStorageBufferBindingSize;
  expectThat(layout !== undefined, () => `Expected binding ${binding} to be no buffer.`);
  buffer.check(isUniform ? "UNIFORM" : "STORAGE", offset, size);
  expectThat(
    offset % alignment === 0,
    () => `Expected an offset of ${alignment} bytes in '${buffer.label}'.`,
  );
  expectThat(
    size >= Number(layout.minBindingSize) && size <= most,
    () => `Expected ${layout.minBindingSize} to ${most} bytes of '${buffer.label}' but received ${size}.`,
  );
  return { binding, buffer, offset, size };
}

/** No two bindings may be of the same bytes if one of them is written. */
function checkAliases(entries: readonly RaceEntry[], layout: RaceLayout): void {
  const isWritten = ({ binding }: RaceEntry) => {
    const { buffer, storageTexture } = layout.entries.find((entry) => entry.binding === binding)!;
    return (
      buffer?.type === "storage" || (storageTexture !== undefined && storageTexture.access !== "read-only")
    );
  };
  for (const [i, a] of entries.entries()) {
    for (const b of entries.slice(i + 1)) {
      const isSame =
        "buffer" in a
          ? "buffer" in b && a.buffer === b.buffer
          : "view" in b && a.view.texture === b.view.texture;
      expectThat(
        !isSame || (!isWritten(a) && !isWritten(b)),
        () =>
          `Expected bindings ${a.binding} and ${b.binding} of '${layout.label}' to be of different memory.`,
      );
    }
  }
}

/** The memory of a kernel's variables, as they are bound. */
export function memoriesOf(
  { program }: RacePipeline,
  { entries }: RaceBindGroup,
  machine: Machine,
): Readonly<Record<string, Memory>> {
  return Object.fromEntries(
    program.bound.map((variable) => {
      const entry = entries.find(({ binding }) => binding === variable.binding)!;
      return [variable.name, memoryOf(variable, entry, machine)];
    }),
  );
}

function memoryOf(
  { name, type, isWritable, space }: BoundVariable,
  entry: RaceEntry,
  machine: Machine,
): Memory {
  if ("view" in entry) {
    const { texture } = entry.view;
    const shadow = texture.shadows.of(0, texture.data.byteLength, 16);
    return new TextureMemory(
      name,
      texture.data,
      texture.size,
      shadow,
      machine.tellRace,
      machine.outsideTexture,
    );
  }
  const { buffer, offset, size } = entry;
  buffer.check(space === "uniform" ? "UNIFORM" : "STORAGE", offset, size);
  if (!isWritable) return new Memory(name, buffer.data, offset, size);
  const shadow = buffer.shadows.of(offset, size, granuleOf(type));
  return new SharedMemory(name, buffer.data, offset, size, shadow, machine.tellRace);
}
