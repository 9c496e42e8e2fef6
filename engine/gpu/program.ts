/**
 * A list of dispatches and copies, recorded once and encoded as often as wanted.
 *
 * All bind groups and uniforms are made while recording, so that encoding a step creates nothing.
 */
import type { Arena } from "./arena.ts";
import type { GpuContext } from "./context.ts";
import type { Kernel } from "./kernel.ts";
import { Submission } from "./submission.ts";
import { bufferUsage } from "./webgpu.ts";
import { packParams } from "./wgsl.ts";

export type Resource = GPUBuffer | GPUTextureView;
/** Workgroups in each dimension. */
export type Grid = readonly [x: number, y: number, z: number];
/** The grid on an adapter that allows so many workgroups a dimension. */
export type GridWithin = (limit: number) => Grid;

interface Dispatch {
  readonly kind: "dispatch";
  readonly kernel: Kernel;
  readonly group: GPUBindGroup;
  readonly workgroups: Grid;
  readonly tag: string;
  readonly operations: number;
}

interface Copy {
  readonly kind: "copy";
  readonly tag: string;
  encode(encoder: GPUCommandEncoder): void;
}

/** Of a program's first pass, and of its last. */
export interface Timestamps {
  readonly begin?: GPUComputePassTimestampWrites | undefined;
  readonly end?: GPUComputePassTimestampWrites | undefined;
}

/** Rectangle of texels to copy from a buffer, rows of `bytesPerRow`, into a texture. */
export interface TextureCopy {
  readonly source: GPUBuffer;
  readonly offset?: number;
  /** A multiple of 256. */
  readonly bytesPerRow: number;
  readonly rowsPerImage: number;
  readonly texture: GPUTexture;
  readonly origin: readonly [x: number, y: number, layer: number];
  readonly size: readonly [width: number, height: number, layers: number];
}

/** One timed dispatch or the copies between two of them: what, and how long in ms. */
export interface Timing {
  readonly tag: string;
  readonly kernel: string;
  readonly ms: number;
}

const UNIFORM_SLOT = 256; // minUniformBufferOffsetAlignment is at most this
const UNIFORM_SLOTS = 64;

export class Program {
  readonly #context: GpuContext;
  readonly #arena: Arena;
  readonly #commands: (Dispatch | Copy)[] = [];
  readonly #needed = new Set<Program>();
  #operations = 0;
  #hasRun = false;
  #uniforms: GPUBuffer | undefined;
  #slot = UNIFORM_SLOTS;

  /** Uniform buffers are taken from `arena`, which must outlive the program. */
  constructor(context: GpuContext, arena: Arena) {
    this.#context = context;
    this.#arena = arena;
  }

  /**
   * Records one dispatch. `resources` and `params` name the kernel's own bindings and `struct Params` fields; each must
   * be given. `tag` groups timings: which layer, which direction. `operations`: of floating point, where they are many.
   */
  dispatch(
    kernel: Kernel,
    resources: Readonly<Record<string, Resource>>,
    params: Readonly<Record<string, number>>,
    grid: Grid | GridWithin,
    tag: string = kernel.label,
    operations = 0,
  ): void {
    const workgroups = this.#workgroups(kernel, grid);
    const entries = kernel.bindings.map(({ name, binding, kind }): GPUBindGroupEntry => {
      if (kind === "uniform") return { binding, resource: this.#uniform(kernel, params) };
      const resource = resources[name];
      if (!resource)
        throw new Error(`Expected a resource for '${name}' of kernel '${kernel.label}' but received none.`);
      return { binding, resource: isBuffer(resource) ? { buffer: resource } : resource };
    });
    const extra = Object.keys(resources).find((name) => !kernel.bindings.some((b) => b.name === name));
    if (extra) throw new Error(`Expected a binding of kernel '${kernel.label}' but received '${extra}'.`);
    const group = this.#context.device.createBindGroup({ label: tag, layout: kernel.layout, entries });
    this.#commands.push({ kind: "dispatch", kernel, group, workgroups, tag, operations });
    this.#operations += operations;
  }

  copyToTexture(copy: TextureCopy, tag = "copy"): void {
    const { source, offset = 0, bytesPerRow, rowsPerImage, texture, origin, size } = copy;
    this.#commands.push({
      kind: "copy",
      tag,
      encode: (encoder) =>
        encoder.copyBufferToTexture(
          { buffer: source, offset, bytesPerRow, rowsPerImage },
          { texture, origin: [...origin] },
          [...size],
        ),
    });
  }

  copyBuffer(
    source: GPUBuffer,
    sourceOffset: number,
    target: GPUBuffer,
    targetOffset: number,
    bytes: number,
  ): void {
    this.#commands.push({
      kind: "copy",
      tag: "copy",
      encode: (encoder) => encoder.copyBufferToBuffer(source, sourceOffset, target, targetOffset, bytes),
    });
  }

  /** How many dispatches a run makes. */
  get dispatches(): number {
    return this.#commands.filter(({ kind }) => kind === "dispatch").length;
  }

  /** Operations of a run, of those dispatches that have many. */
  get operations(): number {
    return this.#operations;
  }

  /** Runs `first` before this program becomes ready, unless it has been submitted by then. */
  needs(first: Program): void {
    this.#needed.add(first);
  }

  /** Waits until every kernel is compiled, and submits what this program needs. */
  async ready(): Promise<void> {
    for (const first of this.#needed) {
      await first.ready();
      if (!first.#hasRun) first.submit();
    }
    const kernels = new Set(this.#commands.flatMap((c) => (c.kind === "dispatch" ? [c.kernel.ready] : [])));
    await this.#context.until(Promise.all(kernels));
  }

  encode(submission: Submission, { begin, end }: Timestamps = {}): void {
    let pass: GPUComputePassEncoder | undefined;
    let isFirst = true;
    let left = this.#operations;
    const lastCopy = this.#commands.findLastIndex(({ kind }) => kind === "copy");
    for (const [i, command] of this.#commands.entries()) {
      const isCopy = command.kind === "copy";
      if (isCopy || !submission.fits(command.operations)) {
        pass?.end();
        pass = undefined;
      }
      if (isCopy) {
        command.encode(submission.encoder);
        continue;
      }
      submission.spend(command.operations);
      left -= command.operations;
      if (!pass) {
        const isLast = i > lastCopy && (i === this.#commands.length - 1 || submission.fits(left));
        pass = submission.encoder.beginComputePass(
          passOf(isFirst ? begin : undefined, isLast ? end : undefined),
        );
        isFirst = false;
      }
      encodeDispatch(pass, command);
    }
    pass?.end();
  }

  /** Encodes and submits the program on its own, once its kernels are compiled, and waits for it. */
  async run(): Promise<void> {
    await this.ready();
    this.submit();
    await this.#context.until(this.#context.device.queue.onSubmittedWorkDone());
    this.#context.hasRun = true;
  }

  /** Encodes and submits the program; its kernels must be ready. */
  submit(): void {
    this.#hasRun = true;
    const submission = new Submission(this.#context.device, "program");
    this.encode(submission);
    submission.submit();
  }

  /**
   * Runs the program once with a timestamp around each dispatch; needs the feature `timestamp-query`.
   * Time between dispatches is reported under the tag of the copies there, or as "idle".
   *
   * `expectedMs`: sleep that long before waiting, which would take a core from a software adapter.
   */
  async profile(expectedMs = 0): Promise<Timing[]> {
    await this.ready();
    const { device } = this.#context;
    const count = 2 * this.dispatches;
    const querySet = device.createQuerySet({ type: "timestamp", count });
    const usage = bufferUsage.QUERY_RESOLVE | bufferUsage.COPY_SRC;
    const resolved = device.createBuffer({ size: 8 * count, usage });
    const encoder = device.createCommandEncoder();
    let query = 0;
    for (const command of this.#commands) {
      if (command.kind === "copy") {
        command.encode(encoder);
        continue;
      }
      const timestampWrites = {
        querySet,
        beginningOfPassWriteIndex: query++,
        endOfPassWriteIndex: query++,
      };
      const pass = encoder.beginComputePass({ timestampWrites });
      encodeDispatch(pass, command);
      pass.end();
    }
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    device.queue.submit([encoder.finish()]);
    await new Promise((resolve) => setTimeout(resolve, expectedMs));
    const times = new BigUint64Array(await this.#context.read(resolved, 8 * count));
    resolved.destroy();
    querySet.destroy();
    return this.#timings(times);
  }

  #timings(times: BigUint64Array): Timing[] {
    const timings: Timing[] = [];
    const ms = (from: bigint, to: bigint) => Number(to - from) / 1e6;
    let copies: string | undefined;
    let end = times[0]!;
    let query = 0;
    for (const command of this.#commands) {
      if (command.kind === "copy") {
        copies = command.tag;
        continue;
      }
      const [begin, finish] = [times[query]!, times[query + 1]!];
      query += 2;
      timings.push({ tag: copies ?? "idle", kernel: copies ? "copy" : "idle", ms: ms(end, begin) });
      timings.push({ tag: command.tag, kernel: command.kernel.label, ms: ms(begin, finish) });
      copies = undefined;
      end = finish;
    }
    return timings;
  }

  #uniform(kernel: Kernel, params: Readonly<Record<string, number>>): GPUBufferBinding {
    if (this.#slot === UNIFORM_SLOTS) {
      this.#uniforms = this.#arena.uniform("uniforms", UNIFORM_SLOT * UNIFORM_SLOTS);
      this.#slot = 0;
    }
    const buffer = this.#uniforms!;
    const offset = UNIFORM_SLOT * this.#slot++;
    const bytes = packParams(kernel.params, params);
    this.#context.device.queue.writeBuffer(buffer, offset, bytes);
    return { buffer, offset, size: bytes.byteLength };
  }

  #workgroups(kernel: Kernel, grid: Grid | GridWithin): Grid {
    const limit = this.#context.limits.maxComputeWorkgroupsPerDimension;
    const workgroups = typeof grid === "function" ? grid(limit) : grid;
    if (workgroups.every((n) => Number.isInteger(n) && n >= 1 && n <= limit)) return workgroups;
    throw new Error(
      `Expected 1 to ${limit} workgroups a dimension for '${kernel.label}' but received ${workgroups.join("x")}.`,
    );
  }
}

/**
 * A grid of `z` times at least `count` workgroups for kernels that compute `index = g.y * n.x + g.x` from workgroup_id
 * g of num_workgroups n.
 */
export function linearGrid(count: number, z = 1): GridWithin {
  return (limit) => [...gridRows(count, limit), z];
}

/** Rows of about the same length, `limit` at most, that hold at least `count` workgroups: how long, and how many. */
function gridRows(count: number, limit: number): [length: number, rows: number] {
  const rows = Math.ceil(count / limit);
  return [Math.ceil(count / rows), rows];
}

function encodeDispatch(pass: GPUComputePassEncoder, { kernel, group, workgroups }: Dispatch): void {
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
}

function passOf(
  begin: GPUComputePassTimestampWrites | undefined,
  end: GPUComputePassTimestampWrites | undefined,
): GPUComputePassDescriptor {
  const timestampWrites = begin || end ? ({ ...begin, ...end } as GPUComputePassTimestampWrites) : undefined;
  return timestampWrites ? { timestampWrites } : {};
}

function isBuffer(resource: Resource): resource is GPUBuffer {
  return "mapAsync" in resource;
}
