import { resolve } from "node:path";
import { expect, test } from "vitest";
import { type BenchOptions, benchCommand } from "./options.ts";

const parse = (...flags: string[]) =>
  benchCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse(flags, { from: "user" })
    .opts<BenchOptions>();

test("defaults", () => {
  expect(parse()).toEqual({
    network: ["vgg19", "compact"],
    reps: 10,
    precision: "auto",
    optimizer: "lbfgs",
    history: 30,
    jobSteps: 300,
    rounds: 3,
  });
});

test("lists of sizes and of networks", () => {
  expect(parse("--sizes", "64,1024", "--network", "compact,compact-small")).toMatchObject({
    sizes: [64, 1024],
    network: ["compact", "compact-small"],
  });
});

test("a Python by its path from here, or by name", () => {
  expect(parse("--python", "venv/bin/python").python).toBe(resolve("venv/bin/python"));
  expect(parse("--python", "python3").python).toBe("python3");
});

test("a list of schedules", () => {
  expect(parse("--job", "--schedules", "181:60,256:30")).toMatchObject({
    job: true,
    schedules: [
      { minSize: 181, scaleSteps: 60 },
      { minSize: 256, scaleSteps: 30 },
    ],
  });
});

test.each([
  [["--sizes", "100"], "multiples of 16 but received 100"],
  [["--sizes", "64,,96"], "received ''"],
  [["--network", "compact,vgg16"], "vgg19, compact, compact-small but received 'vgg16'"],
  [["--reps", "0"], "from 1 to 1000 but received '0'"],
  [["--schedules", "181x60"], "pairs SIZE:STEPS with sizes of at least 32 but received '181x60'"],
  [["--job", "--from", "a.json"], "cannot be used with"],
  [["--against", "HEAD", "--demo", "--sizes", "64"], "'--demo' cannot be used with option '--sizes"],
  [["--family", "npu"], "Allowed choices are cpu, gpu"],
])("%j is refused", (flags, sentence) => {
  expect(() => parse(...flags)).toThrow(sentence);
});
