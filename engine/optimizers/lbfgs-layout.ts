/** How L-BFGS lays out its history and divides its sums; pure arithmetic, no device. */
import { StylizeError } from "../errors.ts";
import type { Precision } from "../gpu/precision.ts";
import { roundUp } from "../numbers.ts";

/** Pairs kept unless told otherwise: as good as 100 (docs/performance.md). */
export const USUAL_HISTORY = 30;
/** Lanes that every adapter has in a workgroup, less one for the candidate. */
export const MOST_HISTORY = 255;

export interface HistoryRequest {
  /** Values in the picture. */
  readonly count: number;
  /** How pairs are stored: a texel of 16 bytes is four values in f32, eight in f16. */
  readonly precision: Precision;
  /** Pairs kept. */
  readonly history: number;
  /** Steps that will be made at most. */
  readonly maxSteps: number;
  /** Bytes of one texture at most. */
  readonly slabBytes: number;
  /** Texels a side and layers of a texture at most. */
  readonly side: number;
  readonly layers: number;
}

export interface HistoryLayout {
  /** vec4f in the picture. */
  readonly vectors: number;
  /** vec4f in a texel. */
  readonly parts: number;
  /** Texels that hold a history vector. Texel i is (i % width, i / width) of a layer, a power of two across. */
  readonly texels: number;
  readonly width: number;
  readonly height: number;
  /** Texels of a layer in all. */
  readonly stride: number;
  /** Texels that a lane of lbfgs_combine.wgsl does. */
  readonly block: number;
  /** Slots in use: the pairs kept and one candidate. */
  readonly ring: number;
  /** Slots that one workgroup of lbfgs_dots.wgsl does. */
  readonly pairs: number;
  /** Groups of `pairs` slots in all slabs together; the ring, rounded up. */
  readonly groups: number;
  readonly slabs: readonly { readonly firstSlot: number; readonly slots: number }[];
  /** Rows of 64 texels that a workgroup of lbfgs_dots.wgsl sums, and how many do. */
  readonly chunkRows: number;
  readonly chunks: number;
  /** Partial sums of a chunk: one for each slot and one for norms. */
  readonly pitch: number;
  /** Lanes of lbfgs_direction.wgsl: a power of two, at least `ring`. */
  readonly lanes: number;
}

/** Lanes of a workgroup of all kernels but lbfgs_direction.wgsl. */
export const LANES = 64;
const BLOCK = 4;
/** Slots a workgroup: their 32 sums and 16 loads in flight still fit a GPU's registers. */
const MOST_PAIRS = 8;
/** Texels; a multiple of what a workgroup of any kernel does. */
const LEAST_WIDTH = 256;
const LEAST_CHUNK_ROWS = 16;
const MOST_CHUNKS = 128;

/** Throws `out-of-memory` where not even one vector fits a texture. */
export function layOutHistory(request: HistoryRequest): HistoryLayout {
  const { count, precision, history, maxSteps, slabBytes, side, layers } = request;
  if (!Number.isInteger(history) || history < 1 || history > MOST_HISTORY)
    throw new Error(`Expected a history of 1 to ${MOST_HISTORY} but received ${history}.`);
  const vectors = Math.ceil(count / 4);
  const parts = precision === "f16" ? 2 : 1;
  const texels = Math.ceil(vectors / parts);
  const width = LEAST_WIDTH * 2 ** Math.max(0, Math.ceil(Math.log2(texels / LEAST_WIDTH / side)));
  const stride = roundUp(texels, width);
  const ring = Math.min(history, Math.max(1, maxSteps - 1)) + 1; // the first step makes no pair
  const fitting = Math.min(layers, Math.floor(slabBytes / (16 * stride)));
  if (fitting < 1) {
    throw new StylizeError(
      "out-of-memory",
      `Expected one vector of L-BFGS to fit in a texture of ${slabBytes} bytes but it needs ${16 * stride}; ` +
        "choose a smaller --size.",
    );
  }
  const widest = Math.min(MOST_PAIRS, fitting);
  const pairs = Math.ceil(ring / Math.ceil(ring / widest));
  const total = roundUp(ring, pairs);
  const perSlab = Math.floor(fitting / pairs) * pairs;
  const slabs = Array.from({ length: Math.ceil(total / perSlab) }, (_, i) => ({
    firstSlot: i * perSlab,
    slots: Math.min(perSlab, total - i * perSlab),
  }));
  const rows = stride / LANES;
  const chunkRows = Math.max(LEAST_CHUNK_ROWS, Math.ceil(rows / MOST_CHUNKS));
  return {
    vectors,
    parts,
    texels,
    width,
    height: stride / width,
    stride,
    block: BLOCK,
    ring,
    pairs,
    groups: total / pairs,
    slabs,
    chunkRows,
    chunks: Math.ceil(rows / chunkRows),
    pitch: total + 1,
    lanes: Math.max(LANES, 2 ** Math.ceil(Math.log2(ring))),
  };
}
