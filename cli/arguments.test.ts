import { describe, expect, it } from "vitest";
import { optionTable, parseSettings } from "../engine/options.ts";
import { TestIo } from "../tests/io.ts";
import { createProgram, type Handlers, type StylizeArguments } from "./arguments.ts";
import type { WeightsHandlers } from "./weights-arguments.ts";

type Parsed = Parameters<
  Handlers["stylize" | "devices" | "tune" | "request" | "listStyles"] | WeightsHandlers[keyof WeightsHandlers]
>[0];

/** What the handler of the command that `argv` names is called with. */
async function parse(...argv: string[]): Promise<Parsed> {
  let result: Parsed | undefined;
  const take = async (args: Parsed) => {
    result = args;
  };
  const weights = { list: take, pull: take, verify: take, path: take, convert: take, inspect: take };
  const handlers = { stylize: take, devices: take, tune: take, request: take, listStyles: take, weights };
  await createProgram(handlers, new TestIo()).parseAsync(argv, { from: "user" });
  return result!;
}

const least = ["a.jpg", "--style", "b.jpg", "-o", "c.png"];

describe("the command line", () => {
  it("needs content, style and output, and takes the engine's defaults for the rest", async () => {
    const args = (await parse(...least)) as StylizeArguments;
    expect(args).toMatchObject({
      content: "a.jpg",
      styles: ["b.jpg"],
      output: "c.png",
      start: undefined,
      weights: undefined,
      device: undefined,
      saveEvery: undefined,
      trace: undefined,
      tuning: true,
      dryRun: false,
      report: "people",
    });
    expect(parseSettings(args.settings)).toEqual(parseSettings({}));
  });

  it("takes sizes and precision to tune for", async () => {
    const usual = { sizes: [512], precision: "auto", device: undefined, cache: undefined, json: false };
    expect(await parse("tune")).toEqual(usual);
    const given = await parse("tune", "--size", "256", "1024", "--precision", "f16", "--json");
    expect(given).toEqual({ ...usual, sizes: [256, 1024], precision: "f16", json: true });
    expect(await parse("tune", "--device", "nvidia")).toEqual({ ...usual, device: "nvidia" });
  });

  it("takes a flag for each option of the engine", async () => {
    const given = {
      size: 256,
      styleSize: 1.5,
      steps: 7,
      scaleSteps: 3,
      minSize: 64,
      optimizer: "adam",
      learningRate: 0.05,
      history: 12,
      seed: 42,
      contentWeight: 0,
      styleWeight: 2e3,
      tvWeight: 0.25,
      pooling: "max",
      precision: "f16",
      init: "noise",
    };
    expect(Object.keys(given).sort()).toEqual(Object.keys(optionTable).sort());
    const flags = Object.entries(given).flatMap(([name, value]) => [
      `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`,
      String(value),
    ]);
    const args = (await parse(...least, ...flags)) as StylizeArguments;
    expect(args.settings).toEqual(given);
  });

  it("takes the content's own size", async () => {
    const args = (await parse(...least, "--size", "content")) as StylizeArguments;
    expect(args.settings.size).toBe("content");
    const request = await parse("request", "a.jpg", "--style", "b.jpg", "--size", "content");
    expect(request).toMatchObject({ options: {} }); // what a service takes for it
  });

  it("takes several styles, and a file to start from", async () => {
    const args = await parse("a.jpg", "-o", "c.png", "--init", "start.png", "--style", "b.jpg", "d.jpg");
    expect(args).toMatchObject({
      styles: ["b.jpg", "d.jpg"],
      start: "start.png",
      settings: { init: "file" },
    });
  });

  it("takes the flags of its own", async () => {
    const flags = [
      "--weights",
      "w.safetensors",
      "--device",
      "llvm",
      "--save-every",
      "5",
      "--trace",
      "t.jsonl",
    ];
    expect(await parse(...least, ...flags, "--json")).toMatchObject({
      weights: "w.safetensors",
      device: "llvm",
      saveEvery: 5,
      trace: "t.jsonl",
      report: "json",
    });
    expect(await parse(...least, "--quiet", "--dry-run")).toMatchObject({ report: "quiet", dryRun: true });
  });

  it.each([
    [[], false],
    [["--json"], true],
  ])("lists devices with %j", async (flags, json) => {
    expect(await parse("devices", ...flags)).toEqual({ json });
  });
});

describe("the command line refuses", () => {
  it.each<[string[], string]>([
    [["--size", "31"], "Expected --size to be 'content' or an integer from 32 to 16384 but received '31'."],
    [
      ["--size", "64.5"],
      "Expected --size to be 'content' or an integer from 32 to 16384 but received '64.5'.",
    ],
    [["--size", "big"], "Expected --size to be 'content' or an integer from 32 to 16384 but received 'big'."],
    [["--style-weight", ""], "Expected --style-weight to be a number from 0 to 1000000000 but received ''."],
    [["--tv-weight", "-1"], "Expected --tv-weight to be a number from 0 to 1000000000 but received '-1'."],
    [["--optimizer", "sgd"], "Expected --optimizer to be lbfgs or adam but received 'sgd'."],
    [["--save-every", "0"], "Expected --save-every to be an integer from 1 on but received '0'."],
  ])("%j", async (flags, message) => {
    await expect(parse(...least, ...flags)).rejects.toMatchObject({ code: "bad-option", message });
  });

  it.each<[string[], string]>([
    [[], "Expected a content picture before all flags, but received none."],
    [
      ["--style", "b.jpg", "a.jpg", "-o", "c.png"],
      "Expected a content picture before all flags, but received none.",
    ],
    [["a.jpg", "-o", "c.png"], "Expected one or more style pictures: --style FILE, but received none."],
    [["a.jpg", "--style", "b.jpg"], "Expected a picture to write: --output FILE, but received none."],
  ])("%j", async (argv, message) => {
    await expect(parse(...argv)).rejects.toMatchObject({ code: "bad-option", message });
  });

  it.each([[["--colour", "red"]], [["another.jpg", "-q"]], [["--json", "--quiet"]], [["--size"]]])(
    "%j, which commander knows to be wrong",
    async (flags) => {
      await expect(parse(...least, ...flags)).rejects.toMatchObject({ name: "CommanderError" });
    },
  );
});

describe("stylize request", () => {
  const server = "http://127.0.0.1:3000";

  it("needs a picture and a style; its flags are its own", async () => {
    expect(await parse("request", "a.jpg", "--style", "b.jpg")).toEqual({
      photo: "a.jpg",
      style: "b.jpg",
      server,
      token: undefined,
      output: undefined,
      isPrivate: false,
      options: {},
      report: "people",
    });
    const flags = [
      "--size",
      "64",
      "--steps",
      "3",
      "--strength",
      "bold",
      "--private",
      "-o",
      "c.png",
      "--json",
    ];
    const other = ["--server", "https://a.example", "--token", "t", "-s", "b.jpg", "a.jpg"];
    expect(await parse("request", ...flags, ...other)).toEqual({
      photo: "a.jpg",
      style: "b.jpg",
      server: "https://a.example",
      token: "t",
      output: "c.png",
      isPrivate: true,
      options: { size: 64, steps: 3, strength: "bold" },
      report: "json",
    });
  });

  it("lists styles instead", async () => {
    expect(await parse("request", "--list-styles")).toEqual({ server, token: undefined, json: false });
  });

  it.each([
    ["a.jpg", "b.jpg"],
    ["--pooling", "max"],
    ["--strength", "wild"],
    ["--quiet", "--json"],
  ])("refuses %j", async (...flags) => {
    await expect(parse("request", ...flags)).rejects.toMatchObject({ name: "CommanderError" });
  });
});

describe("stylize weights", () => {
  it.each<[string[], object]>([
    [["list"], { cache: undefined, json: false }],
    [["list", "--json", "--cache", "c"], { cache: "c", json: true }],
    [
      ["pull", "vgg19"],
      { name: "vgg19", from: undefined, convolutionsOnly: false, cache: undefined, report: "people" },
    ],
    [
      ["pull", "vgg19", "--from", "f", "--convolutions-only", "--cache", "c", "--quiet"],
      { name: "vgg19", from: "f", convolutionsOnly: true, cache: "c", report: "quiet" },
    ],
    [["pull", "vgg19", "--json"], { report: "json" }],
    [["verify", "f.pth", "--json"], { source: "f.pth", json: true }],
    [["path"], { name: undefined }],
    [["path", "vgg19", "--cache", "c"], { name: "vgg19", cache: "c" }],
    [
      ["convert", "a.pth", "b.safetensors"],
      { input: "a.pth", output: "b.safetensors", preprocessing: undefined },
    ],
    [["convert", "a", "b", "--preprocessing", "caffe"], { preprocessing: "caffe" }],
    [["inspect", "vgg19"], { source: "vgg19", json: false }],
  ])("%j", async (argv, expected) => {
    expect(await parse("weights", ...argv)).toMatchObject(expected);
  });
});
