import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { quarter, seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { StylizeError } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
import type { Iterate } from "./iterate.ts";
import { KernelTuning, readKnown } from "./kernel-tuning.ts";
import { openContext } from "./node.ts";
import { problemsOf } from "./ops/gpu/tune.ts";
import { problemKey } from "./ops/gpu/variants.ts";
import { type StylizeOptions, stylize } from "./stylize.ts";
import type { TuningStore } from "./tuning-store.ts";

/** A software adapter that says that it is a GPU: nothing is tuned for others. */
let context: GpuContext;
beforeAll(async () => {
  context = await openContext({ family: "gpu", giveWay: true });
  Object.defineProperty(context, "isSoftware", { value: false });
});
afterAll(() => context[Symbol.dispose]());
beforeEach(() => {
  context.choices = new Map();
  context.verdicts = new Map();
});

class MemoryStore implements TuningStore {
  readonly texts = new Map<string, string>();
  async read(fingerprint: string) {
    return this.texts.get(fingerprint);
  }
  async write(fingerprint: string, text: string) {
    this.texts.set(fingerprint, text);
  }
  /** What is kept, as parsed JSON. */
  get kept() {
    expect(this.texts.size).toBe(1);
    return JSON.parse([...this.texts.values()][0]!);
  }
}

const broken: TuningStore = {
  read: () => Promise.reject(new Error("no reading")),
  write: () => Promise.reject(new Error("no writing")),
};

const verdicts = new Map([["f32", { wrong: [] }]]);
/** As if the self-test had been done, which takes seconds here. */
const tested = () => {
  context.verdicts = verdicts;
};

const network = seededNetwork(quarter);
const base = {
  network,
  content: seededPicture(1, 32, 40),
  styles: [seededPicture(11, 32, 32)],
  size: 40,
  minSize: 40,
  precision: "f32",
} as const;

/** Runs until `until` steps are done. */
async function run(options: Partial<StylizeOptions>, until = Infinity) {
  const iterates: Iterate[] = [];
  const notes: string[] = [];
  const control = new AbortController();
  const { picture } = await stylize({
    ...base,
    context,
    signal: control.signal,
    onNote: (note) => void notes.push(note),
    onIterate: (iterate) => {
      iterates.push(iterate);
      if (iterates.length === until) control.abort();
    },
    ...options,
  });
  return { picture, iterates, notes, losses: iterates.map(({ loss }) => loss) };
}

const finding = expect.stringContaining("Finding this adapter's fastest kernels");

describe("a self-test", () => {
  it("is made once for an adapter, kept, and made for a dry run never", async () => {
    const store = new MemoryStore();
    const options = { precision: "f32", store, note: expect.fail } as const;
    await readKnown(context, store);
    expect(context.verdicts.size).toBe(0);
    await new KernelTuning(context, options).prepare();
    expect(context.verdicts).toEqual(verdicts);
    expect(store.kept.verdicts).toEqual({ f32: { wrong: [] } });

    const wrong = { ...store.kept, verdicts: { f32: { wrong: ["winograd2"] } } };
    for (const key of store.texts.keys()) store.texts.set(key, JSON.stringify(wrong));
    context.verdicts = new Map();
    await new KernelTuning(context, options).prepare();
    expect(context.verdicts).toEqual(new Map(Object.entries(wrong.verdicts)));
  });

  it("that can't be kept is no failure", async () => {
    const notes: string[] = [];
    const note = (sentence: string) => void notes.push(sentence);
    await new KernelTuning(context, { precision: "f32", store: broken, note }).prepare();
    expect(context.verdicts).toEqual(verdicts);
    expect(notes).toEqual(["no writing"]);
  });
});

describe("a run", () => {
  const problems = problemsOf(network.layers, { width: 40, height: 32 }, "f32");

  it("of many seconds tunes behind its third step, once, keeps what it found and goes on as before", async () => {
    tested();
    const store = new MemoryStore();
    const before = context.liveBytes;
    const { iterates, notes, losses } = await run({ tuning: store, steps: 20_000 }, 6);
    expect(notes).toEqual([finding]);
    expect(context.liveBytes).toBe(before);
    const chosen = [...context.choices.keys()];
    expect(chosen.length).toBeGreaterThan(0);
    expect(problems.map(problemKey)).toEqual(expect.arrayContaining(chosen));
    expect(store.kept.choices).toEqual(Object.fromEntries(context.choices));
    expect(new Set(iterates.map(({ gpuBytes }) => gpuBytes)).size).toBeLessThanOrEqual(2);

    context.choices = new Map();
    const untuned = await run({ tuning: false, steps: 20_000 }, 6);
    expect(losses.slice(0, 3)).toEqual(untuned.losses.slice(0, 3));
    for (const [i, loss] of losses.entries()) expect(loss / untuned.losses[i]!).toBeCloseTo(1, 2);
  });

  it("takes what was kept, and finds no more", async () => {
    tested();
    const store = new MemoryStore();
    const choices = new Map(problems.map((problem) => [problemKey(problem), "gemm-32x32-4x4"]));
    context.choices = choices;
    await new KernelTuning(context, { precision: "f32", store, note: expect.fail }).keep();
    context.choices = new Map();
    expect((await run({ tuning: store, steps: 20_000 }, 4)).notes).toEqual([]);
    expect(context.choices).toEqual(choices);
  });

  it("of few seconds, or one that is told not to, tunes nothing", async () => {
    tested();
    expect((await run({ steps: 5 })).notes).toEqual([]);
    expect((await run({ steps: 20_000, tuning: false }, 5)).notes).toEqual([]);
    expect(context.choices.size).toBe(0);
  });

  it("that can't keep what it found says so and goes on", async () => {
    tested();
    const { notes, iterates } = await run({ tuning: broken, steps: 20_000 }, 5);
    expect(notes).toEqual([finding, "no writing"]);
    expect(iterates.length).toBeGreaterThanOrEqual(5);
  });

  it("goes back to the kernels of before where those that were found take too much memory", async () => {
    tested();
    const { createBuffer } = context.device;
    let isFull = false;
    context.device.createBuffer = (descriptor) => {
      if (isFull && descriptor.label?.includes("products")) throw new StylizeError("out-of-memory", "full");
      return createBuffer.call(context.device, descriptor);
    };
    const store: TuningStore = {
      read: async () => undefined,
      async write() {
        context.choices = new Map(problems.map((problem) => [problemKey(problem), "winograd4-64x64-8x4"]));
        isFull = true;
      },
    };
    try {
      const { iterates } = await run({ tuning: store, steps: 20_000 }, 5);
      expect(iterates.length).toBeGreaterThanOrEqual(5);
      expect(context.choices.size).toBe(0);
    } finally {
      context.device.createBuffer = createBuffer;
    }
  });
});
