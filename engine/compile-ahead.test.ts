import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { seededNetwork, seededPicture } from "../tests/seeded-network.ts";
import { compileAhead, compileOn, type FirstScale } from "./compile-ahead.ts";
import { GpuContext } from "./gpu/context.ts";
import { termsOf } from "./losses/objective.ts";
import { openContext, readShader } from "./node.ts";
import { adam } from "./optimizers/adam.ts";
import { type StylizeOptions, stylize } from "./stylize.ts";

/** One loss on the first layer: the fewest kernels. */
const seeded = seededNetwork();
const losses = {
  contentLayers: { relu1_1: 1 },
  styleLayers: {},
  contentWeight: 1,
  styleWeight: 0,
  tvWeight: 0,
};
const network = { ...seeded, defaults: { ...seeded.defaults, ...losses } };
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
const scale: FirstScale = {
  preprocessing: network.preprocessing,
  pooling: "avg",
  terms: termsOf(losses),
  size: content,
  styles: job.styles,
  optimizer: adam({ learningRate: 0.02 }),
};

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A context that opens what `open` makes of its own siblings, and the contexts that it opened. */
async function contextWith(
  open: (own: () => Promise<readonly GpuContext[]>) => Promise<readonly GpuContext[]>,
) {
  const { device, adapterInfo, openSiblings } = await openContext({ giveWay: true });
  const opened: GpuContext[] = [];
  const context = new GpuContext(device, adapterInfo, readShader, {
    waitingSpins: true,
    openSiblings:
      openSiblings &&
      (async () => {
        const siblings = await open(openSiblings);
        opened.push(...siblings);
        return siblings;
      }),
  });
  onTestFinished(() => device.destroy());
  return { context, opened };
}

const isLlvmpipe = await (async () => {
  using context = await openContext();
  return context.openSiblings !== undefined && (await disposed(context.openSiblings)) > 0;
})();

async function disposed(open: () => Promise<readonly GpuContext[]>): Promise<number> {
  const siblings = await open();
  for (const sibling of siblings) sibling[Symbol.dispose]();
  return siblings.length;
}

test("only llvmpipe's own family has siblings to compile on", async () => {
  using gpu = await openContext({ family: "gpu" });
  expect(gpu.openSiblings).toBeUndefined();
  using nothing = await openContext({ backend: "null", family: "cpu" });
  expect(nothing.openSiblings).toBeUndefined();
});

describe.skipIf(!isLlvmpipe)("compiling ahead", () => {
  const before = process.env.MESA_SHADER_CACHE_DIR;

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

  test("leaves nothing to compile but the weights' transform", async () => {
    const folder = emptyCache();
    const empty = await cachedBytes(folder);
    const { context } = await contextWith((own) => own());
    await compileOn(context.openSiblings!, scale, () => false);
    const ahead = await cachedBytes(folder);
    expect(ahead).toBeGreaterThan(empty + 10_000);
    await stylize({ ...job, context });
    const after = await cachedBytes(folder);
    expect(after).toBeGreaterThan(ahead);
    expect(after - ahead).toBeLessThan(0.2 * (ahead - empty));
  });

  test("changes no result, and its devices are gone with the job", async () => {
    emptyCache();
    const { context, opened } = await contextWith((own) => own());
    const cold = await stylize({ ...job, context });
    expect(opened.length).toBeGreaterThan(0);
    for (const { device } of opened) expect((await device.lost).reason).toBe("destroyed");
    const count = opened.length;
    const live = context.liveBytes;
    const warm = await stylize({ ...job, context });
    expect(opened.length).toBe(count);
    expect(context.liveBytes).toBe(live);
    expect(Buffer.from(warm.picture.data.buffer)).toEqual(Buffer.from(cold.picture.data.buffer));
  });

  test.each<[string, Parameters<typeof contextWith>[0]]>([
    ["can't be opened", () => Promise.reject(new Error("no device"))],
    ["are none", () => Promise.resolve([])],
    [
      "are lost",
      async (own) => {
        const siblings = await own();
        for (const { device } of siblings) device.destroy();
        return siblings;
      },
    ],
  ])("siblings that %s leave the job untouched", async (_, open) => {
    const { context } = await contextWith(open);
    const ahead = compileAhead(context, scale);
    await wait(400);
    await expect(ahead.stop()).resolves.toBeUndefined();
    const { last } = await stylize({ ...job, context });
    expect(last?.totalStep).toBe(2);
  });

  test("ends after the present kernel when it is stopped", async () => {
    emptyCache();
    const { context, opened } = await contextWith((own) => own());
    let asked = 0;
    await compileOn(context.openSiblings!, scale, () => ++asked > opened.length);
    expect(asked).toBe(2 * opened.length);
    for (const { device } of opened) expect((await device.lost).reason).toBe("destroyed");
  });

  test("does not begin where the first program waits for nothing, or the job has ended", async () => {
    const { context, opened } = await contextWith((own) => own());
    await compileAhead(context, scale).stop();
    const ahead = compileAhead(context, scale);
    context.hasRun = true;
    await wait(400);
    await ahead.stop();
    await compileAhead(context, scale).stop();
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
    for (const { device } of opened) expect((await device.lost).reason).toBe("destroyed");
  });
});
