/** The benchmark's flags. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import { optionTable } from "../engine/options.ts";
import type { OptimizerName } from "./report.ts";

export interface BenchOptions {
  /** Pixels a side. */
  readonly sizes: readonly number[];
  readonly reps: number;
  readonly family?: KernelFamilyName;
  readonly optimizer: OptimizerName;
  readonly history: number;
  readonly device?: string;
  readonly cold?: boolean;
  readonly profile?: boolean;
  readonly peers?: boolean;
  readonly tfjsMaxSize: number;
  readonly json?: string;
}

/** All four pools of a step halve evenly. */
const SIZE_STEP = 16;

export function benchCommand(): Command {
  return new Command("bench")
    .usage("[options]")
    .description(
      "Measures the engine on a seeded random VGG19: speed, start-up and memory, each size in a process of its own.",
    )
    .option("--sizes <list>", "Sides of the square pictures in pixels.", sizes, [128, 256, 512])
    .option("--reps <n>", "Steps that are timed at each size.", integer(1, 1000), 10)
    .addOption(
      new Option("--family <name>", "Kernels, instead of those for the adapter.").choices(["cpu", "gpu"]),
    )
    .addOption(
      new Option("--optimizer <name>", "What updates the picture.")
        .choices(["lbfgs", "adam"])
        .default("lbfgs"),
    )
    .option("--history <n>", "Pairs that L-BFGS remembers.", integer(1, 255), optionTable.history.default)
    .option("--device <name>", "Part of the adapter's name.")
    .option("--cold", "Start with an empty shader cache, too.")
    .option("--profile", "Share of time of each kernel and layer.")
    .option("--peers", "Run other engines on the same problem; installs those that npm has.")
    .option(
      "--tfjs-max-size <n>",
      "Largest size for tfjs on a software adapter: 7 to 40 s a step.",
      integer(32, 4096),
      128,
    )
    .option("--json <file>", "Write all figures to a file.");
}

function sizes(text: string): number[] {
  return text.split(",").map((part) => {
    const size = integer(32, 4096)(part);
    if (size % SIZE_STEP === 0) return size;
    throw new InvalidArgumentError(`Expected multiples of ${SIZE_STEP} but received ${part}.`);
  });
}

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected integers from ${min} to ${max} but received '${text}'.`);
  };
}
