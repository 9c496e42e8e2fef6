/** The benchmark's flags. */
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { Precision } from "../engine/gpu/precision.ts";
import { optionTable } from "../engine/options.ts";
import { MIN_SIDE } from "../engine/pyramid.ts";
import { parseSchedules, type Schedule } from "./job/schedules.ts";
import { defaultNetworks, type NetworkName, networkNames } from "./task.ts";

export interface BenchOptions {
  readonly network: readonly NetworkName[];
  /** Pixels a side. */
  readonly sizes?: readonly number[];
  readonly reps: number;
  readonly family?: KernelFamilyName;
  readonly precision: Precision | "auto";
  readonly optimizer: "lbfgs" | "adam";
  readonly history: number;
  readonly device?: string;
  readonly cold?: boolean;
  readonly profile?: boolean;
  readonly peers?: boolean;
  readonly slowMaxSize?: number;
  readonly python?: string;
  readonly job?: boolean;
  readonly jobSteps: number;
  readonly schedules?: readonly Schedule[];
  /** A commit to compare with. */
  readonly against?: string;
  /** Compare whole runs of the demo. */
  readonly demo?: boolean;
  readonly rounds: number;
  /** All that tells how the engine does on a GPU, as files to send. */
  readonly gpuReport?: boolean;
  /** Where to: a folder, or a file's name. */
  readonly out?: string;
  /** Only a little of it. */
  readonly quick?: boolean;
  readonly json?: string;
  readonly chart?: string;
  /** A file that --json wrote. */
  readonly from?: string;
}

/** Of --sizes. */
export const defaultSizes: readonly number[] = [128, 256, 512];
export const defaultJobSizes: readonly number[] = [512];

/** Each size with each network. */
export function casesOf(
  { sizes, network }: Pick<BenchOptions, "sizes" | "network">,
  usual: readonly number[],
) {
  return (sizes ?? usual).flatMap((size) =>
    network.map((name) => ({ size, network: name, what: `${name} at ${size} px` })),
  );
}

/** All four pools of a step halve evenly. */
const SIZE_STEP = 16;

export function benchCommand(): Command {
  return new Command("bench")
    .usage("[options]")
    .description(
      "Measures the engine on networks with seeded random weights: speed, start-up and memory, each " +
        "size in a process of its own.",
    )
    .addOption(
      new Option("--network <list>", `Networks to measure: any of ${networkNames.join(", ")}.`)
        .argParser(networks)
        .default(defaultNetworks, `${defaultNetworks}`),
    )
    .option(
      "--sizes <list>",
      `Sides of the square pictures in pixels (default: ${defaultSizes}; with --job ${defaultJobSizes}).`,
      sizes,
    )
    .option("--reps <n>", "Steps that are timed at each size.", integer(1, 1000), 10)
    .addOption(
      new Option("--family <name>", "Kernels, instead of those for the adapter.").choices(["cpu", "gpu"]),
    )
    .addOption(
      new Option("--precision <name>", optionTable.precision.help)
        .choices(optionTable.precision.choices)
        .default(optionTable.precision.default),
    )
    .addOption(
      new Option("--optimizer <name>", "What updates the picture.")
        .choices(["lbfgs", "adam"])
        .default("lbfgs"),
    )
    .option(
      "--history <n>",
      "Pairs that L-BFGS remembers.",
      integer(optionTable.history.min, optionTable.history.max),
      optionTable.history.default,
    )
    .option("--device <name>", "The adapter's name, part of it, or its number.")
    .option("--cold", "Start with an empty shader cache, too.")
    .option("--profile", "Share of time of each kernel and layer.")
    .option("--peers", "Run other engines on the same problem; installs those that npm has.")
    .option(
      "--slow-max-size <n>",
      "Largest size for peers that take many seconds a step on a software adapter, instead of a limit for each.",
      integer(32, 4096),
    )
    .option("--python <path>", "The Python that has PyTorch (default: the first found that has).", program)
    .option("--job", "Time to a loss: PyTorch at one scale, then the engine until it has PyTorch's loss.")
    .option(
      "--job-steps <n>",
      "Steps of PyTorch, and of the engine's last scale at most.",
      integer(2, 10_000),
      300,
    )
    .option(
      "--schedules <list>",
      "First scale in pixels : steps at each but the last, e.g. 181:60,256:30.",
      schedules,
    )
    .option("--against <ref>", "Compare with an earlier commit, run by turns.")
    .addOption(
      new Option(
        "--demo",
        "With --against: compare whole runs of the demo, each with its own network.",
      ).conflicts(["network", "sizes", "job", "peers", "profile"]),
    )
    .option("--rounds <n>", "Turns of --against.", integer(1, 100), 3)
    .addOption(
      new Option(
        "--gpu-report",
        "Write a report of this machine's GPU, to be sent to the project: tests, tuning, speed.",
      ).conflicts(["job", "against", "demo", "json", "chart", "from"]),
    )
    .option(
      "--out <path>",
      "With --gpu-report: the folder it goes to, or the name of its .md file (default: here).",
    )
    .option("--quick", "With --gpu-report: a little of each part, in a minute.")
    .option("--json <file>", "Write all figures to a file.")
    .addOption(new Option("--chart <file>", "Draw them as SVG.").conflicts("against"))
    .addOption(
      new Option("--from <file>", "Draw --chart from a file that --json wrote; measure nothing.").conflicts([
        "job",
        "against",
        "json",
      ]),
    );
}

/** A path is meant from here, while peers run in their own folder; a mere name is looked for on the PATH. */
const program = (text: string): string => (/[/\\]/.test(text) ? resolve(text) : text);

function networks(text: string): readonly NetworkName[] {
  return text.split(",").map((part) => {
    const name = networkNames.find((known) => known === part);
    if (name) return name;
    throw new InvalidArgumentError(`Expected names of ${networkNames.join(", ")} but received '${part}'.`);
  });
}

function sizes(text: string): number[] {
  return text.split(",").map((part) => {
    const size = integer(32, 4096)(part);
    if (size % SIZE_STEP === 0) return size;
    throw new InvalidArgumentError(`Expected multiples of ${SIZE_STEP} but received ${part}.`);
  });
}

function schedules(text: string): readonly Schedule[] {
  const parsed = parseSchedules(text);
  if (parsed) return parsed;
  throw new InvalidArgumentError(
    `Expected pairs SIZE:STEPS with sizes of at least ${MIN_SIDE} but received '${text}'.`,
  );
}

/** A parser of flags. `what`: how its sentence names them. */
export function integer(min: number, max: number, what = "integers"): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected ${what} from ${min} to ${max} but received '${text}'.`);
  };
}
