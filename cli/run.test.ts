/** Whole runs of the command, as small as they get: files in, a picture out, on whatever adapter there is. */
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Size } from "../engine/picture.ts";
import { decodePicture } from "../pictures/index.ts";
import { TestIo } from "../tests/io.ts";
import { shippedHere } from "../tests/shipped-here.ts";
import { run } from "./run.ts";

/** The network that is used when no other is asked for. */
const used = await shippedHere();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const example = (name: string) => fileURLToPath(import.meta.resolve(`../examples/${name}`));
const content = example("astronaut.jpg");
const style = ["--style", example("auvers.jpg")];
const small = [...style, "--size", "40", "--min-size", "40"];

/** One grey in 16 bits, the left half opaque, the right transparent. */
async function deepWithAlpha(path: string): Promise<string> {
  const samples = new Uint16Array(60 * 45 * 4).fill(30_000);
  for (let i = 0; i < 60 * 45; i++) samples[4 * i + 3] = i % 60 < 30 ? 65_535 : 0;
  const raw = { width: 60, height: 45, channels: 4 } as const;
  await sharp(samples, { raw }).toColourspace("rgb16").png().toFile(path);
  return path;
}

describe("stylize", { timeout: 240_000 }, () => {
  it("says once that transparent parts of styles count as white", async () => {
    const io = new TestIo();
    const clear = await deepWithAlpha(join(folder, "clear.png"));
    const styles = ["--style", clear, example("auvers.jpg"), clear];
    const flags = ["--size", "40", "--min-size", "40", "--dry-run"];
    expect(await run([content, ...styles, "-o", join(folder, "out.png"), ...flags], io)).toBe(0);
    const notes = io.stderr.text.split("\n").filter((line) => line.includes("white"));
    expect(notes).toEqual([`Transparent parts of the style '${clear}' count as white.`]);
  });

  it("paints a picture, keeps transparency and depth, and reports each step to machines and to a trace", async () => {
    const io = new TestIo();
    const input = await deepWithAlpha(join(folder, "in.png"));
    const output = join(folder, "out.png");
    const trace = join(folder, "trace.jsonl");
    const flags = ["--size", "64", "--min-size", "44", "--steps", "2", "--trace", trace, "--json"];
    const status = await run([input, ...style, "-o", output, ...flags], io);
    expect(io.stderr.text).toBe("");
    expect(status).toBe(0);

    const { picture, bitDepth } = await decodePicture(output);
    expect([picture.width, picture.height, bitDepth]).toEqual([64, 48, 16]);
    expect([picture.opacity![2], picture.opacity![61]]).toEqual([1, 0]);
    const [low, high] = [Math.min(...picture.data), Math.max(...picture.data)];
    expect(high - low).toBeGreaterThan(0.005); // the content was of one grey, and 16 bits round by 0.00002

    const events = io.stdout.lines.map((line) => JSON.parse(line));
    const scales = [
      { width: 45, height: 34, steps: 1 },
      { width: 64, height: 48, steps: 2 },
    ];
    expect(events[0]).toMatchObject({ event: "start", network: used.name, scales, output });
    const steps = events.filter(({ event }) => event === "step");
    expect(steps.map(({ totalStep }) => totalStep)).toEqual([1, 2, 3]);
    expect(events.at(-1)).toMatchObject({
      event: "saved",
      path: output,
      width: 64,
      height: 48,
      step: 3,
      steps: 3,
      state: "done",
    });

    const records = (await readFile(trace, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ scale, step, width }) => [scale, step, width])).toEqual([
      [0, 1, 45],
      [1, 1, 64],
      [1, 2, 64],
    ]);
    for (const { scale, width, height, step, total, ms, ...terms } of records) {
      expect(Object.keys(terms)).toEqual(["content", ...Object.keys(steps[0].style), "tv"]);
      const sum = Object.values(terms as Record<string, number>).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - total)).toBeLessThanOrEqual(1e-4 * total);
    }
    const { exif } = await sharp(output).metadata();
    const made = JSON.parse(/\{.*\}/.exec(exif!.toString("latin1"))![0]);
    expect(made).toMatchObject({ network: used.name, content: "in.png" });
    expect(made.contentWeight).toBe(used.defaults.contentWeight);
  });

  it("writes the present picture when it is stopped, and quits at once the second time", async () => {
    const io = new TestIo();
    const output = join(folder, "out.jpg");
    let steps = 0;
    io.stdout.onWrite = (text) => {
      if (!text.startsWith('{"event":"step"') || ++steps > 1) return;
      io.emit("SIGINT");
      expect(io.exits).toEqual([]);
      io.emit("SIGINT");
      expect(io.exits).toEqual([130]);
    };
    const status = await run([content, ...small, "--steps", "500", "-o", output, "--json"], io);
    expect(status).toBe(130);
    const { event, state, step, path } = JSON.parse(io.stdout.lines.at(-1)!);
    expect({ event, state, path }).toEqual({ event: "saved", state: "stopped", path: output });
    expect(step).toBe(steps);
    expect(step).toBeLessThan(500);
    expect((await decodePicture(output)).picture).toMatchObject({ width: 40, height: 40 });
    expect(io.listenerCount("SIGINT")).toBe(0);
  });

  it("saves on the way, and puts the last picture elsewhere when its folder is gone", async () => {
    const io = new TestIo();
    const output = join(folder, "out.png");
    io.stdout.onWrite = (text) => {
      if (text.startsWith('{"event":"saved"')) rmSync(folder, { recursive: true, force: true });
    };
    const flags = ["--steps", "3", "--save-every", "2", "--init", example("chelsea.jpg"), "--json"];
    expect(await run([content, ...small, ...flags, "-o", output], io)).toBe(6);
    const events = io.stdout.lines.map((line) => JSON.parse(line));
    const saved = events.filter(({ event }) => event === "saved");
    expect(saved).toMatchObject([
      { path: output, step: 2, state: "running" },
      { step: 3, state: "done" },
    ]);
    const rescued = saved[1].path;
    expect((await decodePicture(rescued)).picture).toMatchObject({ width: 40, height: 40 });
    await rm(rescued);
    expect(io.stderr.text).toBe(
      `error: Expected to write '${output}' but its folder does not exist; the picture is in '${rescued}' instead.\n`,
    );
  });

  // a device that is always full is as good a failure as a lost GPU
  it.runIf(existsSync("/dev/full"))("writes the last good picture when it fails midway", async () => {
    const io = new TestIo();
    const output = join(folder, "out.webp");
    const flags = ["--steps", "5", "--trace", "/dev/full"];
    expect(await run([content, ...small, ...flags, "-o", output], io)).toBe(6);
    expect(io.stderr.lines.slice(-2)).toEqual([
      `Failed after 1 of 5 steps: wrote the last good picture to '${output}' (40x40).`,
      "error: Expected to write '/dev/full' but the disk is full.",
    ]);
    expect((await decodePicture(output)).picture).toMatchObject({ width: 40, height: 40 });
  });

  it("only tells what it would do when it runs dry", async () => {
    const output = join(folder, "out.png");
    const flags = [
      "--size",
      "64",
      "--min-size",
      "45",
      "--steps",
      "2",
      "--trace",
      join(folder, "trace.jsonl"),
    ];
    const all = [content, ...style, "-o", output, ...flags, "--dry-run"];
    const [machines, people, nobody] = [new TestIo(), new TestIo(), new TestIo()];
    expect(await run([...all, "--json"], machines)).toBe(0);
    expect(await run(all, people)).toBe(0);
    expect(await run([...all, "--quiet"], nobody)).toBe(0);
    expect(await readdir(folder)).toEqual([]);

    const plan = JSON.parse(machines.stdout.lines.at(-1)!);
    expect(plan).toMatchObject({ event: "plan", network: used.name, output });
    expect(plan.content).toEqual({ width: 512, height: 512 });
    expect(
      plan.scales.map(({ width, height, steps }: Size & { steps: number }) => [width, height, steps]),
    ).toEqual([
      [45, 45, 1],
      [64, 64, 2],
    ]);
    expect(plan.bytesPerPixel).toBe(plan.peakBytes / 64 ** 2);
    for (const scale of plan.scales) {
      const { weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes } = scale;
      expect(peakBytes).toBeGreaterThanOrEqual(weightsBytes + mapsBytes + optimizerBytes + copiesBytes);
      expect(plan.peakBytes).toBeGreaterThanOrEqual(peakBytes);
    }

    const megabytes = (plan.peakBytes / 1e6).toFixed(1);
    expect(people.stdout.lines.at(-1)).toContain(`At most ${megabytes} MB`);
    expect(people.stdout.text).toMatch(/content +astronaut.jpg, 512x512\n/);
    expect(people.stdout.text).toMatch(/^ +64x64 +2 /m);
    expect(nobody.stdout.text + nobody.stderr.text).toBe("");
  });

  it("names the network that is used, and advertises none", async () => {
    const copy = join(folder, "copy.safetensors");
    expect(await run(["weights", "convert", "compact-small", copy], new TestIo())).toBe(0);
    const dry = [content, ...small, "-o", join(folder, "out.png"), "--size", "40", "--dry-run"];
    for (const [flags, name] of [
      [["--cache", folder], used.name],
      [["--weights", "compact"], "compact"],
      [["--weights", "compact-small"], "compact-small"],
      [["--weights", copy], "compact-small from copy.safetensors"],
      [["--weights", "generated"], "generated network"],
    ] as const) {
      const io = new TestIo();
      expect(await run([...dry, ...flags], io), name).toBe(0);
      expect(io.stdout.text).toMatch(new RegExp(`^ +network +${name}$`, "m"));
      expect(io.stderr.text).toBe("");
    }
  });

  it.each([
    { flags: [], width: 60, height: 45, isNoted: true },
    { flags: ["--size", "content"], width: 60, height: 45, isNoted: false },
    { flags: ["--size", "80"], width: 80, height: 60, isNoted: false },
  ])("makes a small content $width pixels wide with $flags", async ({ flags, width, height, isNoted }) => {
    const input = await deepWithAlpha(join(folder, "in.png"));
    const output = join(folder, "out.png");
    const [dry, wet] = [new TestIo(), new TestIo()];
    const all = [input, ...style, "-o", output, "--steps", "1", "--scale-steps", "1", "--json", ...flags];
    expect(await run([...all, "--dry-run"], dry)).toBe(0);
    expect(await run(all, wet)).toBe(0);
    const last = (io: TestIo) => JSON.parse(io.stdout.lines.at(-1)!);
    expect(last(dry).scales.at(-1)).toMatchObject({ width, height });
    expect(last(wet)).toMatchObject({ event: "saved", width, height });
    const { exif, ...size } = await sharp(output).metadata();
    expect(size).toMatchObject({ width, height });
    expect(exif?.toString("latin1")).toContain(`"size":${width},`);
    const sentence = "The result has the content's own size, 60x45; --size 512 enlarges it.";
    for (const io of [dry, wet]) expect(io.stdout.text.includes(sentence)).toBe(isNoted);
  });

  it("says when it runs dry that a trace can't be written", async () => {
    const io = new TestIo();
    const output = join(folder, "out.png");
    const dry = [content, ...small, "-o", output, "--dry-run", "--quiet"];
    await writeFile(join(folder, "kept.jsonl"), "kept");
    expect(await run([...dry, "--trace", join(folder, "kept.jsonl")], io)).toBe(0);
    expect(await readFile(join(folder, "kept.jsonl"), "utf8")).toBe("kept");
    expect(await run([...dry, "--trace", folder], io)).toBe(6);
    expect(io.stderr.text).toBe(`error: Expected to write '${folder}' but it is a folder.\n`);
  });

  it("says which adapters there are when none has the wanted name", async () => {
    const io = new TestIo();
    const output = join(folder, "out.png");
    expect(await run([content, ...small, "-o", output, "--device", "abacus"], io)).toBe(7);
    expect(io.stderr.text).toMatch(
      /^error: Expected an adapter whose name contains 'abacus' but found '.+' \(1\).*\.\n$/,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("stylize devices", () => {
  it("lists them for people and for machines", { timeout: 30_000 }, async () => {
    const people = new TestIo();
    const machines = new TestIo();
    expect(await run(["devices"], people)).toBe(0);
    expect(await run(["devices", "--json"], machines)).toBe(0);
    const devices = machines.stdout.lines.map((line) => JSON.parse(line));
    expect(devices.length).toBeGreaterThan(0);
    for (const { name, family, limits } of devices) {
      expect(people.stdout.lines).toContain(name);
      expect(["cpu", "gpu"]).toContain(family);
      expect(limits.maxBufferSize).toBeGreaterThan(2 ** 28 - 1);
    }
  });
});
