import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Arena } from "../gpu/arena.ts";
import type { GpuContext } from "../gpu/context.ts";
import { Program } from "../gpu/program.ts";
import { LOSS_PARTIALS } from "../ops/index.ts";
import { expectClose, openTestContext, random } from "../ops/testing/operations.ts";
import {
  createRing,
  parseRecord,
  RECORD_SIZE,
  RECORD_TERMS,
  RING_SLOTS,
  recordLosses,
  STATE_BYTES,
} from "./record.ts";

describe("loss record", () => {
  let context: GpuContext;
  let arena: Arena;
  let ring: GPUBuffer;
  let state: GPUBuffer;
  beforeAll(async () => {
    context = await openTestContext("gpu");
  });
  afterAll(() => context[Symbol.dispose]());
  beforeEach(() => {
    arena = context.arena("test");
    ring = createRing(arena);
    state = arena.buffer("state", STATE_BYTES);
    return () => arena[Symbol.dispose]();
  });

  /** Ends one evaluation whose terms have these partial sums, [terms][LOSS_PARTIALS]. */
  const evaluate = async (sums: Float32Array): Promise<void> => {
    const partials = arena.bufferWith("partials", sums);
    const program = new Program(context, arena);
    recordLosses(context, program, { partials, terms: sums.length / LOSS_PARTIALS, ring, state });
    await program.run();
  };

  /** One evaluation with a single term of this value. */
  const evaluateLoss = (loss: number): Promise<void> =>
    evaluate(new Float32Array(LOSS_PARTIALS).fill(loss / LOSS_PARTIALS));

  const readState = async () => {
    const bytes = await context.read(state, STATE_BYTES);
    const [step, restored] = new Uint32Array(bytes, 0, 2);
    const [loss, best] = new Float32Array(bytes, 8, 2);
    return { step, restored, loss, best };
  };

  const readRing = () => context.readFloats(ring, RING_SLOTS * RECORD_SIZE);

  it.each([1, 7, RECORD_TERMS])("sums up %d terms and their total", async (terms) => {
    const sums = random(terms, terms * LOSS_PARTIALS, 0, 1);
    await evaluate(sums);
    const expected = Array.from({ length: terms }, (_, t) =>
      sums.subarray(t * LOSS_PARTIALS, (t + 1) * LOSS_PARTIALS).reduce((sum, value) => sum + value, 0),
    );
    const record = parseRecord(await readRing(), 0, terms);
    expectClose(record.terms, expected, 1e-6);
    expectClose([record.total], [expected.reduce((sum, value) => sum + value)], 1e-6);
    expect(record.restored).toBe(false);
    expect(await readState()).toEqual({ step: 1, restored: 0, loss: record.total, best: record.total });
  });

  it("keeps the least loss and goes round the ring", async () => {
    for (let step = 0; step <= RING_SLOTS; step++) await evaluateLoss(step === 5 ? 256 : 512 + 256 * step);
    expect(await readState()).toEqual({
      step: RING_SLOTS + 1,
      restored: 0,
      loss: 512 + 256 * RING_SLOTS,
      best: 256,
    });
    const values = await readRing();
    expect(parseRecord(values, RING_SLOTS, 1).total).toBe(512 + 256 * RING_SLOTS);
    expect(parseRecord(values, RING_SLOTS - 1, 1).total).toBe(512 + 256 * (RING_SLOTS - 1));
    expect(parseRecord(values, 5, 1).total).toBe(256);
  });

  it("throws away a loss a thousand times the best, but not a little less", async () => {
    await evaluateLoss(256);
    await evaluateLoss(256 * 999);
    expect((await readState()).restored).toBe(0);
    await evaluateLoss(256 * 1001);
    expect(await readState()).toEqual({ step: 3, restored: 1, loss: 256 * 1001, best: 256 });
    await evaluateLoss(512);
    expect((await readState()).restored).toBe(0);
    const values = await readRing();
    expect([0, 1, 2, 3].map((step) => parseRecord(values, step, 1).restored)).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  it.each([NaN, Infinity, -Infinity])("throws away a loss of %d, the first one too", async (loss) => {
    await evaluateLoss(loss);
    expect(await readState()).toEqual({ step: 1, restored: 1, loss, best: 0 });
    await evaluateLoss(256);
    expect(await readState()).toEqual({ step: 2, restored: 0, loss: 256, best: 256 });
    await evaluateLoss(loss);
    expect(await readState()).toEqual({ step: 3, restored: 1, loss, best: 256 });
    expect(parseRecord(await readRing(), 2, 1)).toEqual({ terms: [loss], total: loss, restored: true });
  });

  it("refuses more terms than a record holds", () => {
    const program = new Program(context, arena);
    const partials = arena.buffer("partials", 4 * LOSS_PARTIALS);
    const record = () => recordLosses(context, program, { partials, terms: RECORD_TERMS + 1, ring, state });
    expect(record).toThrow(/terms/);
  });
});
