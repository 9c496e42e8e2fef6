/**
 * What the device notes down of each evaluation of the loss: a ring of small records that the host reads now and then.
 */
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import type { Program } from "../gpu/program.ts";
import { LOSS_PARTIALS } from "../ops/index.ts";

/** f32 values of a record: the terms from 0 on, the total, whether the step was thrown away. */
export const RECORD_SIZE = 16;
/** Terms that fit in a record. */
export const RECORD_TERMS = 14;
export const RECORD_TOTAL = 14;
/** 1 where the loss was not finite or had exploded, so that the optimiser restored the last good picture; else 0. */
export const RECORD_RESTORED = 15;
/** Records before the first is overwritten. */
export const RING_SLOTS = 64;
/** Bytes of struct State in shaders/lib/state.wgsl. */
export const STATE_BYTES = 16;

/** A ring of records: [RING_SLOTS][RECORD_SIZE] f32. */
export function createRing(arena: Arena): GPUBuffer {
  return arena.buffer("loss records", 4 * RECORD_SIZE * RING_SLOTS);
}

export interface LossRecord {
  /** [terms][LOSS_PARTIALS] f32 */
  readonly partials: GPUBuffer;
  /** 1 to RECORD_TERMS */
  readonly terms: number;
  readonly ring: GPUBuffer;
  /** struct State, zeroed at the start of a scale. */
  readonly state: GPUBuffer;
}

/** Records the end of an evaluation: one more ring record, and the state that the optimiser goes by. */
export function recordLosses(
  context: GpuContext,
  program: Program,
  { partials, terms, ring, state }: LossRecord,
): void {
  if (terms < 1 || terms > RECORD_TERMS) {
    throw new Error(`Expected 1 to ${RECORD_TERMS} loss terms but received ${terms}.`);
  }
  const constants = { LOSS_PARTIALS, RING_SLOTS, RECORD_SIZE, RECORD_TOTAL, RECORD_RESTORED };
  const kernel = context.kernel("loss_record", { libs: ["state"], constants });
  program.dispatch(kernel, { partials, ring, state }, { terms }, [1, 1, 1]);
}

/** One evaluation as the device noted it. */
export interface RecordedLosses {
  /** Values of the weighted terms, in order. */
  readonly terms: readonly number[];
  readonly total: number;
  readonly restored: boolean;
}

/**
 * Picks the record of the `step`-th evaluation (from 0) out of a ring's values; the last RING_SLOTS evaluations are
 * there.
 */
export function parseRecord(ring: Float32Array, step: number, terms: number): RecordedLosses {
  const record = ring.subarray(RECORD_SIZE * (step % RING_SLOTS), RECORD_SIZE * ((step % RING_SLOTS) + 1));
  return {
    terms: [...record.subarray(0, terms)],
    total: record[RECORD_TOTAL]!,
    restored: record[RECORD_RESTORED] === 1,
  };
}
