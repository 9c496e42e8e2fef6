/** A GPUDevice that runs kernels on a Machine: just what the engine calls, with the validation that matters. */
import type { Machine } from "../machine/machine.ts";
import {
  createBindGroup,
  createModule,
  createPipeline,
  memoriesOf,
  type Offer,
  type RaceBindGroup,
  type RaceLayout,
  type RaceModule,
  type RacePipeline,
} from "./pipelines.ts";
import { copyToTexture, RaceBuffer, RaceTexture } from "./resources.ts";
import { expectThat, strict } from "./strict.ts";

/** The least that every WebGPU adapter has: https://www.w3.org/TR/webgpu/#limits. */
export const leastLimits = {
  maxTextureDimension2D: 8192,
  maxTextureArrayLayers: 256,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageTexturesPerShaderStage: 4,
  maxUniformBuffersPerShaderStage: 12,
  maxUniformBufferBindingSize: 65_536,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65_535,
} as const;

export interface DeviceParts extends Offer {
  readonly machine: Machine;
  /** The file and line of a line of a kernel's text. */
  placeOf(code: string, line: number): string;
  /** Called with the label of each kernel that runs. */
  onDispatch(label: string): void;
}

type Command = () => void;

const toBytes = (data: ArrayBuffer | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);

export function createDevice(parts: DeviceParts): GPUDevice {
  const { limits, features, placeOf } = parts;
  const pipeline = (module: RaceModule, layout: RaceLayout) =>
    createPipeline(module, layout, parts, (line) => placeOf(module.code, line));
  type Descriptor = {
    readonly layout: { readonly layout: RaceLayout };
    readonly compute: { readonly module: RaceModule };
  };
  const device = {
    features,
    limits,
    queue: createQueue(),
    lost: new Promise(() => {}),
    onuncapturederror: null,
    // What is wrong throws where it is done.
    pushErrorScope: () => {},
    popErrorScope: async () => null,
    destroy: () => {},
    createBuffer: (descriptor: GPUBufferDescriptor) => {
      const { size, label } = descriptor;
      expectThat(
        size <= limits.maxBufferSize,
        () => `Expected '${label}' to have ${limits.maxBufferSize} bytes at most.`,
      );
      return new RaceBuffer(descriptor);
    },
    createTexture: (descriptor: GPUTextureDescriptor) => new RaceTexture(descriptor),
    createShaderModule: createModule,
    createBindGroupLayout: ({ label = "", entries }: GPUBindGroupLayoutDescriptor) => ({
      label,
      entries: [...entries],
    }),
    createPipelineLayout: ({ bindGroupLayouts }: { readonly bindGroupLayouts: readonly RaceLayout[] }) => ({
      layout: bindGroupLayouts[0],
    }),
    createBindGroup: ({
      layout,
      entries,
    }: {
      readonly layout: RaceLayout;
      readonly entries: Iterable<GPUBindGroupEntry>;
    }) => createBindGroup(layout, entries, parts),
    createComputePipeline: ({ compute, layout }: Descriptor) => pipeline(compute.module, layout.layout),
    createComputePipelineAsync: async ({ compute, layout }: Descriptor) =>
      pipeline(compute.module, layout.layout),
    createCommandEncoder: () => createEncoder(parts),
  };
  return strict("GPUDevice", device) as unknown as GPUDevice;
}

function createQueue() {
  return strict("GPUQueue", {
    submit: (buffers: Iterable<{ readonly commands: readonly Command[] }>) => {
      for (const { commands } of buffers) for (const run of commands) run();
    },
    writeBuffer: (buffer: RaceBuffer, offset: number, data: ArrayBuffer | ArrayBufferView) => {
      const bytes = toBytes(data);
      buffer.check("COPY_DST", offset, bytes.length);
      new Uint8Array(buffer.data).set(bytes, offset);
    },
    writeTexture: (
      to: { readonly texture: RaceTexture },
      data: ArrayBufferView,
      layout: GPUTexelCopyBufferLayout,
      size: Iterable<number>,
    ) => copyToTexture(toBytes(data), layout, to, size),
    onSubmittedWorkDone: async () => undefined,
  });
}

function createEncoder(parts: DeviceParts) {
  const commands: Command[] = [];
  return strict("GPUCommandEncoder", {
    beginComputePass: () => createPass(parts, commands),
    copyBufferToBuffer: (
      from: RaceBuffer,
      fromOffset: number,
      to: RaceBuffer,
      toOffset: number,
      bytes: number,
    ) => {
      from.check("COPY_SRC", fromOffset, bytes);
      to.check("COPY_DST", toOffset, bytes);
      expectThat(from !== to, () => `Expected a copy to another buffer than '${from.label}'.`);
      commands.push(() =>
        new Uint8Array(to.data).set(new Uint8Array(from.data, fromOffset, bytes), toOffset),
      );
    },
    copyBufferToTexture: (
      { buffer, ...layout }: GPUTexelCopyBufferLayout & { readonly buffer: RaceBuffer },
      to: { readonly texture: RaceTexture; readonly origin: Iterable<number> },
      size: Iterable<number>,
    ) => {
      buffer.check("COPY_SRC", layout.offset ?? 0, 0);
      expectThat(
        (layout.bytesPerRow ?? 0) % 256 === 0,
        () => "Expected rows of a multiple of 256 bytes in a copy.",
      );
      commands.push(() => copyToTexture(new Uint8Array(buffer.data), layout, to, size));
    },
    finish: () => ({ commands }),
  });
}

function createPass({ machine, limits, onDispatch }: DeviceParts, commands: Command[]) {
  let pipeline: RacePipeline | undefined;
  let group: RaceBindGroup | undefined;
  return strict("GPUComputePassEncoder", {
    setPipeline: (next: RacePipeline) => {
      pipeline = next;
    },
    setBindGroup: (index: number, next: RaceBindGroup) => {
      expectThat(index === 0, () => `Expected bind group 0 but received ${index}.`);
      group = next;
    },
    dispatchWorkgroups: (x: number, y = 1, z = 1) => {
      const [kernel, bound] = [pipeline, group];
      expectThat(kernel !== undefined && bound !== undefined, () => "Expected a pipeline and a bind group.");
      const { label, layout } = kernel;
      expectThat(layout === bound.layout, () => `Expected the bind group of '${label}' to have its layout.`);
      const most = limits.maxComputeWorkgroupsPerDimension;
      expectThat(
        Math.max(x, y, z) <= most,
        () => `Expected ${most} workgroups a dimension at most of '${label}'.`,
      );
      commands.push(() => {
        onDispatch(label);
        machine.dispatch(kernel, memoriesOf(kernel, bound, machine), [x, y, z]);
      });
    },
    end: () => {},
  });
}
