/** A context on which everything can be recorded and counted, and nothing is allocated or computed. */
import { GpuContext } from "./context.ts";

/** Takes the place of `context`, with its adapter's limits, features and kernels, on a device that creates nothing. */
export class CountingContext extends GpuContext {
  constructor(context: GpuContext) {
    const shaders = (name: string) => context.shaderText(name);
    const { adapterInfo, adapterName: name, family } = context;
    super(countingDevice(context), adapterInfo, shaders, { name, family });
    this.matrixConfigs = context.matrixConfigs;
    this.choices = context.choices;
    this.verdicts = context.verdicts;
  }

  /** From here on `peakBytes` is the most since this call. */
  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  /**
   * A 1 and then zeros, which take no memory until they are written. With zeros alone, targets would be zero, and their
   * terms dropped from the run.
   */
  override async readStaging({ size }: GPUBuffer): Promise<ArrayBuffer> {
    const bytes = new ArrayBuffer(size);
    new Float32Array(bytes, 0, 1)[0] = 1;
    return bytes;
  }
}

const nothing = () => undefined;
const later = () => Promise.resolve(undefined);

type CountingPass = Pick<
  GPUComputePassEncoder,
  "setPipeline" | "setBindGroup" | "dispatchWorkgroups" | "end"
>;
const pass: CountingPass = {
  setPipeline: nothing,
  setBindGroup: nothing,
  dispatchWorkgroups: nothing,
  end: nothing,
};

type CountingEncoder = Pick<
  GPUCommandEncoder,
  "beginComputePass" | "copyBufferToBuffer" | "copyBufferToTexture" | "resolveQuerySet" | "finish"
>;
const encoder: CountingEncoder = {
  beginComputePass: () => pass as GPUComputePassEncoder,
  copyBufferToBuffer: nothing,
  copyBufferToTexture: nothing,
  resolveQuerySet: nothing,
  finish: () => ({}) as GPUCommandBuffer,
};

const queue: Pick<GPUQueue, "submit" | "writeBuffer" | "writeTexture" | "onSubmittedWorkDone"> = {
  submit: nothing,
  writeBuffer: nothing,
  writeTexture: nothing,
  onSubmittedWorkDone: later,
};

function createBuffer({ size }: GPUBufferDescriptor): GPUBuffer {
  const buffer: Pick<GPUBuffer, "size" | "mapAsync" | "destroy"> = {
    size,
    mapAsync: later,
    destroy: nothing,
  };
  return buffer as GPUBuffer;
}

/** What the engine calls of a device on its way through a run. */
type CountingDevice = Pick<
  GPUDevice,
  | "features"
  | "limits"
  | "lost"
  | "queue"
  | "onuncapturederror"
  | "pushErrorScope"
  | "popErrorScope"
  | "createBuffer"
  | "createTexture"
  | "createQuerySet"
  | "createShaderModule"
  | "createBindGroupLayout"
  | "createPipelineLayout"
  | "createBindGroup"
  | "createComputePipeline"
  | "createComputePipelineAsync"
  | "createCommandEncoder"
  | "destroy"
>;

function countingDevice({ device: { features }, limits }: GpuContext): GPUDevice {
  const device: CountingDevice = {
    features,
    limits,
    lost: new Promise(nothing),
    queue: queue as GPUQueue,
    onuncapturederror: null,
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    createBuffer,
    createTexture: () => ({ createView: () => ({}) as GPUTextureView, destroy: nothing }) as GPUTexture,
    createQuerySet: () => ({ destroy: nothing }) as GPUQuerySet,
    createShaderModule: () => ({}) as GPUShaderModule,
    createBindGroupLayout: () => ({}) as GPUBindGroupLayout,
    createPipelineLayout: () => ({}) as GPUPipelineLayout,
    createBindGroup: () => ({}) as GPUBindGroup,
    createComputePipeline: () => ({}) as GPUComputePipeline,
    createComputePipelineAsync: () => Promise.resolve({} as GPUComputePipeline),
    createCommandEncoder: () => encoder as GPUCommandEncoder,
    destroy: nothing,
  };
  return device as GPUDevice;
}
