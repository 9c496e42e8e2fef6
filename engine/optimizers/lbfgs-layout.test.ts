import { describe, expect, it } from "vitest";
import { optionTable } from "../options.ts";
import { layOutHistory } from "./lbfgs-layout.ts";

const request = {
  count: 3 * 256 * 256,
  precision: "f32" as const,
  history: 100,
  maxSteps: 500,
  slabBytes: 2 ** 27,
  side: 8192,
  layers: 256,
};

describe("layOutHistory", () => {
  it("puts 101 slots of 256x256 pictures into one slab of lavapipe's 128 MiB", () => {
    const layout = layOutHistory(request);
    expect(layout).toMatchObject({
      vectors: 49152,
      stride: 49152,
      ring: 101,
      pairs: 8,
      groups: 13,
      lanes: 128,
    });
    expect(layout.slabs).toEqual([{ firstSlot: 0, slots: 104 }]);
  });

  it.each([
    [1, 30, 7],
    [10, 2 ** 20, 2 ** 27],
    [100, 3 * 511 * 509, 2 ** 27],
    [255, 3 * 1024 * 1024, 2 ** 27],
    [37, 1001, 3 * 4096],
  ])(
    "covers the ring with slabs that fit: history %i, %i values, slabs of %i bytes",
    (history, count, bytes) => {
      const slabBytes = Math.max(bytes, 4096);
      const layout = layOutHistory({ ...request, count, history, slabBytes });
      let next = 0;
      for (const { firstSlot, slots } of layout.slabs) {
        expect(firstSlot).toBe(next);
        expect(slots % layout.pairs).toBe(0);
        expect(16 * layout.stride * slots).toBeLessThanOrEqual(slabBytes);
        next += slots;
      }
      expect(next).toBe(layout.groups * layout.pairs);
      expect(next).toBeGreaterThanOrEqual(history + 1);
      expect(next - layout.pairs).toBeLessThan(history + 1);
      expect(layout.chunkRows * layout.chunks).toBeGreaterThanOrEqual(layout.stride / 64);
      expect(layout.lanes).toBeGreaterThanOrEqual(layout.ring);
    },
  );

  it("allocates no slot for steps that will not be made", () => {
    expect(layOutHistory({ ...request, maxSteps: 11 }).ring).toBe(11);
    expect(layOutHistory({ ...request, maxSteps: 1 }).ring).toBe(2);
  });

  it.each([0, optionTable.history.max + 1, 1.5, Number.NaN])("rejects a history of %d", (history) => {
    expect(() => layOutHistory({ ...request, history })).toThrow("a history of 1 to 255");
  });

  it("has a lane for each pair of the longest history that the options allow, and for the candidate", () => {
    const { ring, lanes } = layOutHistory({ ...request, history: optionTable.history.max });
    expect([ring, lanes]).toEqual([256, 256]);
  });

  it("says how much one vector needs if a slab can't hold it", () => {
    const error = expect.objectContaining({
      code: "out-of-memory",
      message: expect.stringContaining("786432"),
    });
    expect(() => layOutHistory({ ...request, slabBytes: 700_000 })).toThrow(error);
  });
});
