import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { compileAhead, type KernelGroups, Sharing } from "./compile-ahead.ts";
import type { CompilerProcess } from "./compilers.ts";
import { kernelsOf } from "./dry-run.ts";
import { GpuContext } from "./gpu/context.ts";
import { Kernel } from "./gpu/kernel.ts";
import { checkJob } from "./job.ts";
import { vggLayers } from "./network/layers.ts";
import { openContext, readShader } from "./node.ts";
import { type StylizeOptions, stylize } from "./stylize.ts";

/** As narrow as kernels allow without losing one of their kinds: wider ones compile for minutes. */
const seeded = seededNetwork(vggLayers([[32, 32], [32, 32], [32, 32, 32, 32], [32, 32, 32, 32], [32]]));

/** One loss on the first layer whose weights a program transforms: the fewest kernels. */
const losses = {
  contentLayers: { relu1_2: 1 },
  styleLayers: {},
  contentWeight: 1,
  styleWeight: 0,
  tvWeight: 0,
};
const network = {
  ...seededNetwork(vggLayers([[32, 32]])),
  defaults: { ...seeded.defaults, ...losses },
};
const content = seededPicture(1, 32, 40);
const job: Omit<StylizeOptions, "context"> = {
  network,
  content,
  styles: [seededPicture(11, 32, 32)],
  size: 40,
  minSize: 40,
  steps: 2,
  init: "noise",
  optimizer: "adam",
};
const kernels = (context: GpuContext) => kernelsOf(checkJob({ ...job, context }));

/** Those of the job's kernels that are compiled in a second each: all but the direct sums, which take five. */
async function* cheap(context: GpuContext) {
  for await (const group of kernels(context)) yield group.filter(({ label }) => !label.startsWith("direct"));
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A context that opens what `open` makes of its own compilers, and the compilers that it opened. */
async function contextWith(
  open: (own: () => Promise<readonly CompilerProcess[]>) => Promise<readonly CompilerProcess[]>,
) {
  const { device, adapterInfo, openCompilers } = await openContext({ giveWay: true });
  const opened: CompilerProcess[] = [];
  const told: string[] = [];
  const context = new GpuContext(device, adapterInfo, readShader, {
    waitingSpins: true,
    debug: (sentence) => told.push(sentence),
    openCompilers:
      openCompilers &&
      (async () => {
        const compilers = await open(openCompilers as () => Promise<readonly CompilerProcess[]>);
        opened.push(...compilers);
        return compilers;
      }),
  });
  onTestFinished(() => device.destroy());
  return { context, opened, told };
}

const isLlvmpipe = await (async () => {
  using context = await openContext();
  return context.openCompilers !== undefined && availableParallelism() > 1;
})();

test("only llvmpipe's own family has others compile for it", async () => {
  using gpu = await openContext({ family: "gpu" });
  expect(gpu.openCompilers).toBeUndefined();
  using nothing = await openContext({ backend: "null", family: "cpu" });
  expect(nothing.openCompilers).toBeUndefined();
});

describe.skipIf(!isLlvmpipe)("compiling ahead", () => {
  const before = process.env.MESA_SHADER_CACHE_DIR;

  const never = () => false;

  /** Compiles in other processes alone; the labels of what was compiled. */
  async function compileElsewhere(
    { openCompilers }: GpuContext,
    groups: KernelGroups,
    debug: (sentence: string) => void,
    isStopped: () => boolean = never,
  ): Promise<readonly string[]> {
    const sharing = new Sharing(openCompilers!, groups, isStopped, debug);
    await sharing.end;
    return sharing.compiled;
  }

  /** Takes what is said, and fails where that is of a failure. */
  const noFailure = (sentence: string) => expect(sentence).toMatch(/^compiled/);

  /** Points the driver to an empty cache for the rest of a test. */
  function emptyCache(): string {
    const folder = mkdtempSync(join(tmpdir(), "stylize-compile-ahead-"));
    process.env.MESA_SHADER_CACHE_DIR = folder;
    onTestFinished(() => {
      if (before === undefined) delete process.env.MESA_SHADER_CACHE_DIR;
      else process.env.MESA_SHADER_CACHE_DIR = before;
      rmSync(folder, { recursive: true, force: true });
    });
    return folder;
  }

  /** Bytes of compiled kernels, which the driver stores some time after it made them. */
  async function cachedBytes(folder: string): Promise<number> {
    const sum = () =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((path) => !path.endsWith(".idx")) // times of use
        .map((path) => statSync(join(folder, path)))
        .reduce((bytes, entry) => bytes + (entry.isFile() ? entry.size : 0), 0);
    let last = -1;
    for (let bytes = sum(); bytes !== last; bytes = sum()) {
      last = bytes;
      await wait(1000);
    }
    return last;
  }

  test("is done by processes of the caller's priority, which gives way later", async () => {
    const before = getPriority();
    const { device, openCompilers } = await openContext({ giveWay: true });
    onTestFinished(() => device.destroy());
    const compilers = (await openCompilers!()) as readonly CompilerProcess[];
    expect(compilers.length).toBeGreaterThan(0);
    for (const { pid } of compilers) expect(getPriority(pid)).toBe(before);
    for (const compiler of compilers) compiler[Symbol.dispose]();
    await Promise.all(compilers.map(({ ended }) => ended));
  });

  test("leaves nothing to compile but the weights' transform", async () => {
    const folder = emptyCache();
    const empty = await cachedBytes(folder);
    const { context } = await contextWith((own) => own());
    const labels = await compileElsewhere(context, kernels(context), noFailure);
    expect(labels.length).toBeGreaterThan(8);
    const ahead = await cachedBytes(folder);
    expect(ahead).toBeGreaterThan(empty + 10_000);
    await stylize({ ...job, context });
    const after = await cachedBytes(folder);
    expect(after).toBeGreaterThan(ahead);
    expect(after - ahead).toBeLessThan(0.2 * (ahead - empty));
  });

  test("changes no result, and its processes are gone with the job", async () => {
    emptyCache();
    const { context, opened } = await contextWith((own) => own());
    const cold = await stylize({ ...job, context });
    expect(opened.length).toBeGreaterThan(0);
    await Promise.all(opened.map(({ ended }) => ended));
    const count = opened.length;
    const live = context.liveBytes;
    const warm = await stylize({ ...job, context });
    expect(opened.length).toBe(count);
    expect(context.liveBytes).toBe(live);
    expect(Buffer.from(warm.picture.data.buffer)).toEqual(Buffer.from(cold.picture.data.buffer));
  });

  test.each<[string, Parameters<typeof contextWith>[0]]>([
    ["can't be opened", () => Promise.reject(new Error("no process"))],
    ["are none", () => Promise.resolve([])],
    [
      "are killed",
      async (own) => {
        const compilers = await own();
        for (const { pid } of compilers) process.kill(pid!, "SIGKILL");
        return compilers;
      },
    ],
  ])("compilers that %s leave the job untouched", async (_, open) => {
    const { context, told } = await contextWith(open);
    const ahead = compileAhead(context, () => kernels(context));
    await wait(400);
    await expect(ahead.join()).resolves.toBeUndefined();
    await expect(ahead.stop()).resolves.toBeUndefined();
    expect(told).toContainEqual(expect.stringMatching(/no process|has ended|^compiled 0/));
    const { last } = await stylize({ ...job, context });
    expect(last?.totalStep).toBe(2);
  });

  test("ends after the present kernel when it is stopped", async () => {
    emptyCache();
    const { context, opened } = await contextWith((own) => own());
    let asked = 0;
    await compileElsewhere(context, cheap(context), noFailure, () => ++asked > opened.length);
    expect(asked).toBe(2 * opened.length + 1); // once more behind the group
    await Promise.all(opened.map(({ ended }) => ended));
  });

  test("shares the first group out with the job's own device", async () => {
    emptyCache();
    const { context, told } = await contextWith((own) => own());
    const first = (await cheap(context).next()).value as readonly Kernel[];
    const ahead = compileAhead(context, () => cheap(context));
    await wait(300);
    await ahead.join();
    const own = context.kernels.map(({ label }) => label);
    await ahead.stop();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(new RegExp(`^compiled ${first.length} kernels`));
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThan(first.length);
    expect(context.liveBytes).toBe(0);
    const keys = first.map(({ key }) => key);
    for (const { key } of context.kernels) expect(keys).toContain(key); // it will take those that it has compiled
  });

  test("begins late where the first program was in the cache and the first step does not come", async () => {
    const folder = emptyCache();
    const { context, opened, told } = await contextWith((own) => own());
    const ahead = compileAhead(context, () => cheap(context));
    context.hasRun = true; // within the time of a warm start
    await ahead.join();
    expect(opened).toEqual([]);
    await wait(6000);
    expect(opened.length).toBeGreaterThan(0);
    expect(await cachedBytes(folder)).toBeGreaterThan(1000);
    await ahead.stop();
    expect(told[0]).toMatch(/^compiled [1-9]/);

    const warm = compileAhead(context, () => cheap(context));
    context.hasRun = false;
    await warm.join();
    warm.stepped();
    await wait(4500);
    expect(told).toHaveLength(1);
  });

  test("does nothing where the driver can keep nothing", async () => {
    const file = join(emptyCache(), "file");
    writeFileSync(file, "");
    process.env.MESA_SHADER_CACHE_DIR = file;
    using context = await openContext({ giveWay: true });
    expect(context.openCompilers).toBeUndefined();
  });

  test("has nothing to share where it did not begin", async () => {
    const { context, opened } = await contextWith((own) => own());
    const ahead = compileAhead(context, () => kernels(context));
    await ahead.join();
    expect([opened, context.kernels]).toEqual([[], []]);
    await ahead.stop();
  });

  test("a kernel that fails is told to who looks for faults, and the others are compiled", async () => {
    emptyCache();
    const { context } = await contextWith((own) => own());
    const told: string[] = [];
    async function* broken() {
      for await (const group of cheap(context)) {
        const bad = new Kernel(context.device, "broken", "broken", "nonsense", true);
        yield [...group.slice(0, 2), bad, ...group.slice(2, 4)];
      }
    }
    const tell = (text: string) => void told.push(text);
    const labels = await compileElsewhere(context, broken(), tell);
    expect(labels).toHaveLength(4);
    expect(told).toEqual([
      expect.stringContaining("compiling 'broken' ahead failed: StylizeError: Shader 'broken'"),
      expect.stringMatching(/^compiled 4 kernels/),
    ]);
  });

  const [one, two] = [seededPicture(11, 40, 33), seededPicture(21, 35, 47)];
  const resume = { scale: 0, step: 1, picture: seededPicture(1, 36, 45) };
  const scales = { network: seeded, styles: [one], size: 64, minSize: 45, steps: 2, scaleSteps: 1 };

  test.each<[string, Partial<StylizeOptions>]>([
    ["the default job", {}],
    ["Adam, max pooling", { optimizer: "adam", pooling: "max" }],
    ["L-BFGS with f32 pairs, several styles", { precision: "f32", styles: [one, two], styleSize: 1.5 }],
    ["a resumed run", { resume: { ...resume, step: 0 }, steps: 4, history: 2 }],
    ["a run resumed where a scale ended", { resume, init: "noise" }],
  ])("compiles every kernel that is run behind the loading of the network: %s", async (_, settings) => {
    const { context } = await contextWith((own) => own());
    const options = { context, content, ...scales, ...settings };
    const groups: (readonly Kernel[])[] = [];
    for await (const group of kernelsOf(checkJob(options))) groups.push(group);
    await stylize(options);
    const texts = (all: readonly Kernel[]) => all.map(({ label, code }) => `${label}: ${code}`);
    const [loading, ...run] = texts(context.kernels);
    expect(loading).toMatch(/^winograd_weights/);
    expect(texts(groups.flat()).toSorted()).toEqual(run.toSorted()); // in a cold start the longest come first
    async function* again() {
      yield* groups;
    }
    const labels = await compileElsewhere(context, again(), noFailure);
    expect(labels.toSorted()).toEqual(
      context.kernels
        .slice(1)
        .map(({ label }) => label)
        .toSorted(),
    );
  });

  test("does not begin where the first program waits for nothing, or the job has ended", async () => {
    const { context, opened } = await contextWith((own) => own());
    await compileAhead(context, () => kernels(context)).stop();
    const ahead = compileAhead(context, () => kernels(context));
    context.hasRun = true;
    await wait(400);
    await ahead.stop();
    await compileAhead(context, () => kernels(context)).stop();
    expect(opened).toEqual([]);
  });

  test("an aborted job stops it", async () => {
    emptyCache();
    const { context, opened } = await contextWith((own) => own());
    const control = new AbortController();
    const running = stylize({ ...job, context, signal: control.signal });
    control.abort();
    const { aborted } = await running;
    expect(aborted).toBe(true);
    expect(opened.length).toBeGreaterThan(0);
    await Promise.all(opened.map(({ ended }) => ended));
  });
});
