/** Runs one WGSL text on any device, on data of its bindings' numbers. */
import { bufferUsage, mapMode, shaderStage, textureUsage } from "../../engine/gpu/webgpu.ts";
import { compile } from "./wgsl/compile.ts";
import type { BoundVariable } from "./wgsl/module-scope.ts";

/** What a binding holds: a buffer's values, or the size of a texture of zeros. */
export type Content =
  | Float32Array
  | Uint32Array
  | Int32Array
  | { readonly texture: readonly [number, number, number] };

/** Runs `main` once. Resolves with what the buffers hold then, by their binding's number. */
export async function runText(
  device: GPUDevice,
  text: string,
  contents: readonly Content[],
  grid: readonly [number, number?, number?] = [1],
): Promise<readonly ArrayBuffer[]> {
  const { bound } = compile(text);
  const bindGroupLayout = device.createBindGroupLayout({ label: "tiny", entries: bound.map(layoutEntry) });
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] });
  const module = device.createShaderModule({ label: "tiny", code: text });
  const pipeline = await device.createComputePipelineAsync({
    layout,
    compute: { module, entryPoint: "main" },
  });
  const resources = contents.map((content) => resourceOf(device, content));
  const entries = bound.map(({ binding }) => {
    const resource = resources[binding]!;
    return { binding, resource: "mapAsync" in resource ? { buffer: resource } : resource };
  });
  const group = device.createBindGroup({ layout: bindGroupLayout, entries });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...grid);
  pass.end();
  const copies = resources.map((resource) => "mapAsync" in resource && copyOf(device, encoder, resource));
  device.queue.submit([encoder.finish()]);
  return Promise.all(copies.map((copy) => (copy ? read(copy) : new ArrayBuffer(0))));
}

function layoutEntry({ binding, space, isWritable, type }: BoundVariable): GPUBindGroupLayoutEntry {
  const visibility = shaderStage.COMPUTE;
  if (type.kind === "texture") {
    const access = ({ read: "read-only", write: "write-only", read_write: "read-write" } as const)[
      type.access
    ];
    const viewDimension = type.isArray ? "2d-array" : "2d";
    return { binding, visibility, storageTexture: { access, format: type.format, viewDimension } };
  }
  const kind = space === "uniform" ? "uniform" : isWritable ? "storage" : "read-only-storage";
  return { binding, visibility, buffer: { type: kind, minBindingSize: 16 } };
}

function resourceOf(device: GPUDevice, content: Content): GPUBuffer | GPUTextureView {
  if ("texture" in content) {
    const usage = textureUsage.STORAGE;
    const [width, height, layers] = content.texture;
    const texture = device.createTexture({ size: [width, height, layers], format: "rgba32uint", usage });
    return texture.createView({ dimension: layers > 1 ? "2d-array" : "2d" });
  }
  const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST | bufferUsage.UNIFORM;
  const buffer = device.createBuffer({ label: "tiny", size: content.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, content as Float32Array<ArrayBuffer>);
  return buffer;
}

function copyOf(device: GPUDevice, encoder: GPUCommandEncoder, buffer: GPUBuffer): GPUBuffer {
  const staging = device.createBuffer({
    size: buffer.size,
    usage: bufferUsage.MAP_READ | bufferUsage.COPY_DST,
  });
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  return staging;
}

async function read(staging: GPUBuffer): Promise<ArrayBuffer> {
  await staging.mapAsync(mapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}
