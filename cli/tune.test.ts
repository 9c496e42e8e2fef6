import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readKnown } from "../engine/kernel-tuning.ts";
import { vgg19 } from "../engine/network/layers.ts";
import { openContext } from "../engine/node.ts";
import { problemsOf } from "../engine/ops/gpu/tune.ts";
import { problemKey } from "../engine/ops/gpu/variants.ts";
import { TestIo } from "../tests/io.ts";
import { compact } from "../weights/shipped.ts";
import { TuningFiles } from "../weights/tuning-file.ts";
import { run } from "./run.ts";
import { tuneCommand } from "./tune.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-tune-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = () => openContext({ family: "gpu" });
const store = () => new TuningFiles({}, folder);

describe("stylize tune", { timeout: 240_000 }, () => {
  it("shows what it found and keeps it for later runs on the adapter", async () => {
    const io = new TestIo();
    const args = {
      sizes: [32],
      precision: "f32",
      weights: undefined,
      device: undefined,
      cache: folder,
      json: true,
    } as const;
    // Time for one shape, whatever the adapter.
    expect(await tuneCommand(args, io, { onSoftware: true, budgetMs: 1 })).toBe(0);
    const [tuned, saved] = io.stdout.lines.map((line) => JSON.parse(line));
    expect(tuned).toMatchObject({ event: "tuned", variant: expect.stringContaining("gemm") });
    expect(saved).toMatchObject({ event: "saved", left: expect.any(Number) });
    using context = await open();
    await readKnown(context, store());
    expect([...context.choices]).toEqual([[tuned.key, tuned.variant]]);
    expect(await readdir(join(folder, "tuning"))).toHaveLength(1);
  });

  it("tunes for the layers of the network that it is told", async () => {
    const keyFor = async (weights: string) => {
      const io = new TestIo();
      const args = {
        sizes: [32],
        precision: "f32",
        weights,
        device: undefined,
        cache: folder,
        json: true,
      } as const;
      await tuneCommand(args, io, { onSoftware: true, budgetMs: 1 });
      const { key } = JSON.parse(io.stdout.lines[0]!);
      return key;
    };
    const found = [];
    for (const { name, layers } of [{ name: "generated", layers: vgg19 }, compact]) {
      const key = await keyFor(name);
      expect(problemsOf(layers, { width: 32, height: 32 }, "f32").map(problemKey)).toContain(key);
      found.push(key);
    }
    expect(found[0]).not.toBe(found[1]);
  });

  it("refuses a network that there is not, before it looks for an adapter", async () => {
    const io = new TestIo();
    expect(await run(["tune", "--weights", "compcat", "--device", "abacus"], io)).toBe(3);
    expect(io.stderr.text).toMatch(
      /^error: Expected a network \(compact, .*\) or a weights file .* 'compcat'\.\n$/,
    );
    expect(await run(["tune", "--weights", "vgg19", "--cache", folder], io)).toBe(3);
    expect(io.stderr.text).toContain("'stylize weights pull vgg19' fetches it.");
  });

  it("says that software adapters are not tuned for", async () => {
    const io = new TestIo();
    using context = await openContext();
    if (!context.isSoftware) return;
    expect(await run(["tune", "--cache", folder], io)).toBe(0);
    expect(io.stderr.text).toContain("nothing to tune");
    expect(await readdir(folder)).toEqual([]);
  });

  it("fails where there is no room for what it found", async () => {
    const io = new TestIo();
    const blocked = join(folder, "file");
    await writeFile(blocked, "");
    const args = {
      sizes: [32],
      precision: "f32",
      weights: undefined,
      device: undefined,
      json: true,
    } as const;
    const tuned = tuneCommand({ ...args, cache: blocked }, io, { onSoftware: true, budgetMs: 1 });
    await expect(tuned).rejects.toMatchObject({ code: "write-failed" });
  });

  it("refuses sizes that no picture has", async () => {
    const io = new TestIo();
    expect(await run(["tune", "--size", "512", "31"], io)).toBe(2);
    expect(io.stderr.text).toMatch(/--size to be an integer from 32 .* '31'/);
  });
});
