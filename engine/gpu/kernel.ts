/** A shader: its bind group layout, its uniform fields, and its pipeline, compiled when it is first asked for. */
import { StylizeError } from "../errors.ts";
import type { Arena, TexelFormat } from "./arena.ts";
import { shaderStage } from "./webgpu.ts";
import { type Binding, type ParamField, parseParams, usedBindings } from "./wgsl.ts";

/** Bytes of a dummy buffer at least: a few elements of any array. */
const SMALL = 256;

/** What a kernel is, on whichever device. */
export interface KernelText {
  /** What tells it from all others. */
  readonly key: string;
  readonly label: string;
  readonly code: string;
}

export class Kernel implements KernelText {
  readonly key: string;
  readonly label: string;
  readonly bindings: readonly Binding[];
  readonly params: readonly ParamField[];
  readonly layout: GPUBindGroupLayout;
  readonly code: string;
  readonly #device: GPUDevice;
  readonly #inBackground: boolean;
  readonly #debug: (sentence: string) => void;
  #ready: Promise<void> | undefined;
  #pipeline: GPUComputePipeline | undefined;

  /**
   * `inBackground`: compile on another thread; pays where the driver has cores to spare. `debug`: takes the lines
   * around what does not compile.
   */
  constructor(
    device: GPUDevice,
    key: string,
    label: string,
    code: string,
    inBackground: boolean,
    debug: (sentence: string) => void = () => {},
  ) {
    this.key = key;
    this.label = label;
    this.code = code;
    this.#device = device;
    this.#inBackground = inBackground;
    this.#debug = debug;
    this.bindings = usedBindings(code);
    this.params = parseParams(code);
    this.layout = device.createBindGroupLayout({ label, entries: this.bindings.map((b) => this.#entry(b)) });
  }

  /** Resolves when the pipeline is made, which the first call begins; `pipeline` may be used from then on. */
  get ready(): Promise<void> {
    if (!this.#ready) {
      this.#ready = this.#compile();
      this.#ready.catch(() => {}); // reported where it is awaited
    }
    return this.#ready;
  }

  get pipeline(): GPUComputePipeline {
    if (!this.#pipeline) throw new Error(`Expected kernel '${this.label}' to be ready before it is encoded.`);
    return this.#pipeline;
  }

  /** Something of each binding's kind and of a few bytes, for a run whose results don't matter. */
  dummies(arena: Arena): GPUBindGroupEntry[] {
    return this.bindings.map(({ name, binding, kind, bytes }): GPUBindGroupEntry => {
      if (typeof kind === "object") {
        const texture = arena.texture(name, 1, 1, 1, kind.texture as TexelFormat);
        return { binding, resource: texture.createView({ dimension: kind.dimension }) };
      }
      const size = Math.max(SMALL, bytes);
      const buffer = kind === "uniform" ? arena.uniform(name, size) : arena.buffer(name, size);
      return { binding, resource: { buffer } };
    });
  }

  #entry({ binding, kind, bytes }: Binding): GPUBindGroupLayoutEntry {
    const visibility = shaderStage.COMPUTE;
    if (typeof kind === "object") {
      const storageTexture: GPUStorageTextureBindingLayout = {
        access: kind.access,
        format: kind.texture,
        viewDimension: kind.dimension,
      };
      return { binding, visibility, storageTexture };
    }
    return { binding, visibility, buffer: { type: kind, minBindingSize: bytes } };
  }

  async #compile(): Promise<void> {
    const device = this.#device;
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: this.label, code: this.code });
    const layout = device.createPipelineLayout({ label: this.label, bindGroupLayouts: [this.layout] });
    const descriptor = { label: this.label, layout, compute: { module, entryPoint: "main" } };
    const pipeline = this.#inBackground
      ? device.createComputePipelineAsync(descriptor)
      : device.createComputePipeline(descriptor);
    const error = await device.popErrorScope();
    try {
      this.#pipeline = await pipeline;
      if (error) throw error;
    } catch (cause) {
      const info = await module.getCompilationInfo();
      const errors = info.messages.filter(({ type }) => type === "error");
      const details = errors.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("; ");
      for (const m of errors) {
        const lines = excerpt(this.code, m.lineNum, m.linePos);
        this.#debug(`shader '${this.label}': ${m.message}\n${lines}`);
      }
      const message = `Shader '${this.label}' does not compile: ${details || error?.message || cause}.`;
      throw new StylizeError("gpu-error", message, { cause });
    }
  }
}

/** Lines of a text before and behind the one with a fault. */
const AROUND = 3;

/** The numbered lines of `code` around `line` (from 1), and a mark below its `column` (from 1). */
function excerpt(code: string, line: number, column: number): string {
  const first = Math.max(1, line - AROUND);
  const lines = code.split("\n").slice(first - 1, line + AROUND);
  return lines
    .flatMap((text, i) => {
      const numbered = `${String(first + i).padStart(6)} | ${text}`;
      return first + i === line ? [numbered, `${" ".repeat(6)} | ${" ".repeat(column - 1)}^`] : [numbered];
    })
    .join("\n");
}
