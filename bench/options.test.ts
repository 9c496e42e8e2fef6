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
    sizes: [128, 256, 512],
    reps: 10,
    optimizer: "lbfgs",
    history: 100,
    tfjsMaxSize: 128,
  });
});

test("a list of sizes", () => {
  expect(parse("--sizes", "64,96").sizes).toEqual([64, 96]);
});

test.each([
  [["--sizes", "100"], "multiples of 16 but received 100"],
  [["--sizes", "64,,96"], "received ''"],
  [["--reps", "0"], "from 1 to 1000 but received '0'"],
  [["--family", "npu"], "Allowed choices are cpu, gpu"],
])("%j is refused", (flags, sentence) => {
  expect(() => parse(...flags)).toThrow(sentence);
});
