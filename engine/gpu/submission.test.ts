import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openContext } from "../node.ts";
import type { Arena } from "./arena.ts";
import type { GpuContext } from "./context.ts";
import { Program } from "./program.ts";
import { STOPWATCH_BYTES, Stopwatch } from "./stopwatch.ts";
import { Submission } from "./submission.ts";

let context: GpuContext;
let arena: Arena;
beforeAll(async () => {
  context = await openContext({ giveWay: true });
  arena = context.arena("test");
});
afterAll(() => context[Symbol.dispose]());

const text = `struct Params { factor: u32, }
@group(0) @binding(0) var<storage, read_write> value: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;
@compute @workgroup_size(1) fn main() { value[0] = value[0] * 10u + params.factor; }`;

/** A program that notes the places of its dispatches, which have so many operations each; "copy" stands for a copy. */
function noting(work: readonly (number | "copy")[]) {
  const value = arena.buffer("value", 16);
  const other = arena.buffer("other", 16);
  const program = new Program(context, arena);
  const kernel = context.generatedKernel("note", () => text);
  for (const [i, operations] of work.entries()) {
    if (operations === "copy") program.copyBuffer(value, 0, other, 0, 16);
    else program.dispatch(kernel, { value }, { factor: i + 1 }, [1, 1, 1], "note", operations);
  }
  const read = async () => new Uint32Array(await context.read(value, 4))[0]!;
  return { program, read };
}

/** Runs `act` and counts what it submits. */
function submissionsOf(act: () => void): number {
  const { queue } = context.device;
  const { submit } = queue;
  let count = 0;
  queue.submit = (buffers) => {
    count++;
    return submit.call(queue, buffers);
  };
  try {
    act();
  } finally {
    queue.submit = submit;
  }
  return count;
}

describe("a submission", () => {
  it.each([
    ["all fits", 100, [30, 30, 40], 1],
    ["the last one does not fit", 99, [30, 30, 40], 2],
    ["each is too much", 10, [30, 30, 40], 3],
    ["a copy stands between", 60, [30, "copy", 30, "copy", 1], 2],
    ["there is little to do", 10, [0, 0, 0], 1],
    ["one is too much for all others", 10, [0, 30, 0], 2],
  ] as const)(
    "has command buffers of limited length, in order, where %s",
    async (_, most, work, expected) => {
      const { program, read } = noting(work);
      await program.ready();
      const count = submissionsOf(() => {
        const submission = new Submission(context.device, "test", most);
        program.encode(submission);
        submission.submit();
      });
      expect(count).toBe(expected);
      const places = work.flatMap((operations, i) => (operations === "copy" ? [] : [i + 1]));
      expect(await read()).toBe(Number(places.join("")));
      expect(program.operations).toBe(work.reduce<number>((sum, one) => sum + (one === "copy" ? 0 : one), 0));
    },
  );

  it.each([
    ["one pass", 100, [1, 1]],
    ["passes behind copies", 100, [1, "copy", 1, "copy", 1]],
    ["a copy at the end", 100, [1, 1, "copy"]],
    ["several command buffers", 1, [1, 1, 1]],
  ] as const)("measures time from the first pass to the last, with %s", async (_, most, work) => {
    if (!context.device.features.has("timestamp-query")) return;
    const { program } = noting(work);
    await program.ready();
    const stopwatch = new Stopwatch(context, arena);
    const staging = arena.staging("timestamps", STOPWATCH_BYTES);
    const start = performance.now();
    const submission = new Submission(context.device, "test", most);
    program.encode(submission, stopwatch);
    stopwatch.read(submission.encoder, staging, 0);
    submission.submit();
    const bytes = await context.readStaging(staging);
    const ms = Stopwatch.milliseconds(bytes, 0, performance.now() - start);
    if (work.at(-1) === "copy") return void expect(ms).toBeUndefined(); // its last pass is not the end of the work
    expect(ms).toBeGreaterThan(0);
  });
});

it.each([
  ["nothing was noted", [0n, 0n]],
  ["only the beginning was", [1_000_000n, 0n]],
  ["they run backwards", [3_000_000n, 2_000_000n]],
  ["they are longer than the host waited", [0n, 50_000_000n]],
])("timestamps count for nothing where %s", (_, stamps) => {
  expect(Stopwatch.milliseconds(new BigInt64Array(stamps).buffer, 0, 10)).toBeUndefined();
});

it("timestamps are nanoseconds", () => {
  expect(Stopwatch.milliseconds(new BigInt64Array([1_000_000n, 9_500_000n]).buffer, 0, 10)).toBe(8.5);
});
