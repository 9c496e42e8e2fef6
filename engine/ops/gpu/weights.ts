/** A layer's weights on the gpu family: as they are, and as Winograd's once a convolution wants them. */
import type { Arena } from "../../gpu/arena.ts";
import type { GpuContext } from "../../gpu/context.ts";
import { type Precision, stored } from "../../gpu/precision.ts";
import { linearGrid, Program } from "../../gpu/program.ts";
import type { LayerWeights } from "../family.ts";

/** Rows of a Winograd tile's outputs. */
export type WinogradOutputs = 2 | 4;

/** Transform positions of F(n x n, 3x3): (n + 2)^2. */
export const winogradPositions = (outputs: WinogradOutputs): number => (outputs + 2) ** 2;

interface Transformed {
  /** [positions][inChannels][outChannels] f32 */
  readonly buffer: GPUBuffer;
  /** Fills the buffer. */
  readonly program: Program;
}

/** Weights of one direction: [9][inChannels][outChannels] in the precision of maps. */
export class DirectedWeights {
  readonly buffer: GPUBuffer;
  readonly #context: GpuContext;
  readonly #arena: Arena;
  readonly #precision: Precision;
  readonly #values: number;
  readonly #transformed = new Map<WinogradOutputs, Transformed>();

  /** Transformed weights come from `arena`, too. */
  constructor(context: GpuContext, arena: Arena, label: string, packed: Float32Array, precision: Precision) {
    this.#context = context;
    this.#arena = arena;
    this.#precision = precision;
    this.#values = packed.length / 9;
    this.buffer = arena.bufferWith(label, stored(packed, precision));
  }

  /** G w G^T, computed before `user` runs for the first time; the same buffer at every call. */
  winograd(outputs: WinogradOutputs, user: Program): GPUBuffer {
    const { buffer, program } = this.#transformed.get(outputs) ?? this.#transform(outputs);
    user.needs(program);
    return buffer;
  }

  #transform(outputs: WinogradOutputs): Transformed {
    const vectors = this.#values / 4;
    const buffer = this.#arena.buffer("Winograd weights", 16 * vectors * winogradPositions(outputs));
    const program = new Program(this.#context, this.#arena);
    const libs = [`texel_${this.#precision}`, "weights_texel", `winograd${outputs}`, "linear_index"];
    program.dispatch(
      this.#context.kernel("conv2d_winograd_weights", { libs }),
      { weights: this.buffer, u: buffer },
      { vectors },
      linearGrid(Math.ceil(vectors / 64)),
    );
    const transformed = { buffer, program };
    this.#transformed.set(outputs, transformed);
    return transformed;
  }
}

/** The gpu family's layers; conv1_1 is never transformed. */
export interface GpuLayerWeights extends LayerWeights {
  readonly directed: { readonly forward: DirectedWeights; readonly backward: DirectedWeights } | undefined;
}

/** The weights of a layer other than the first that the gpu family loaded. */
export function directedWeights(weights: LayerWeights) {
  const { directed } = weights as GpuLayerWeights;
  if (!directed) throw new Error(`Expected ${weights.layer.name} to have weights of both directions.`);
  return directed;
}
