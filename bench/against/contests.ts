/**
 * What is measured in two clones: steps and starts, by each clone's own benchmark; or the whole demo as `npm run demo`
 * runs it, without its set-up, from the program's start to its end, with the network that each clone chooses.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheVariables } from "../machine.ts";
import { type BenchOptions, casesOf, defaultSizes } from "../options.ts";
import { askChild, lastLine, run, withFolder } from "../processes.ts";
import type { AdapterReport, Compared, KeptMeasurement, MeasureRequest } from "../report.ts";
import { measureColdAndWarm } from "../steps.ts";
import { networkOf } from "../task.ts";

/** What is measured in two clones. */
export interface Contest {
  /** Pixels a side; undefined of the demo. */
  readonly size?: number;
  readonly name: string;
  /** Runs once in each clone before the first round. */
  readonly prepare?: (clone: string) => Promise<unknown>;
  readonly measure: (clone: string) => Promise<Turn>;
}

/** What a clone found in one round; it may have had another network than the other. */
export interface Turn {
  readonly network: string;
  readonly adapter?: AdapterReport;
  /** Milliseconds. */
  readonly times: ReadonlyMap<Compared, number>;
}

/** One for each size and network. An earlier commit that knows no such network measures its own: VGG19. */
export function stepContests(options: BenchOptions): Contest[] {
  const { reps, family, precision, optimizer, history, device, cold = false } = options;
  return casesOf(options, defaultSizes).map(({ network, size, what }) => {
    const request: MeasureRequest = {
      ...{ network, size, reps, optimizer, history, family, precision, device },
      profile: false,
    };
    return { size, name: what, measure: (clone) => measureClone(clone, request, cold) };
  });
}

async function measureClone(clone: string, request: MeasureRequest, isCold: boolean): Promise<Turn> {
  const child = join(clone, "bench", "child.ts");
  if (!existsSync(child)) throw new Error("Expected the commit to have a benchmark but it has none.");
  const { cold, warm } = isCold
    ? await measureColdAndWarm<KeptMeasurement>(child, request)
    : { cold: undefined, warm: await askChild<KeptMeasurement>(child, request) };
  const times = new Map<Compared, number>();
  if (cold) times.set("cold start", cold.startUp.total).set("warm start", warm.startUp.total);
  times.set("step", warm.wall!.median);
  return { network: networkOf(warm), adapter: warm.adapter, times };
}

/**
 * From a filled shader cache; with `cold`, in each round with an empty one first, then with what that run left there.
 */
export function demoContest({ cold = false }: Pick<BenchOptions, "cold">): Contest {
  const name = "the demo";
  if (!cold) return { name, prepare: runDemo, measure: (clone) => measured(clone, ["demo"]) };
  const measure = (clone: string) =>
    withFolder((cache) => measured(clone, ["cold demo", "demo"], cacheVariables(cache)));
  return { name, measure };
}

/** One run for each of `names`. */
async function measured(
  clone: string,
  names: readonly Compared[],
  variables?: Readonly<Record<string, string>>,
): Promise<Turn> {
  const times = new Map<Compared, number>();
  let network = "";
  for (const name of names) {
    const done = await runDemo(clone, variables);
    times.set(name, done.ms);
    network = done.network;
  }
  return { network, times };
}

/** Throws with its last line where the demo fails. */
async function runDemo(
  clone: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ readonly ms: number; readonly network: string }> {
  const command = demoCommand(clone);
  return withFolder(async (folder) => {
    const began = performance.now();
    // programs that npm starts run where INIT_CWD says, and leave their picture there
    const { ok, stdout, stderr } = await run(command, {
      folder: clone,
      variables: { ...variables, INIT_CWD: folder },
    });
    const ms = performance.now() - began;
    if (!ok) throw new Error(`the demo said: ${lastLine(stderr)}`);
    return { ms, network: /^Network: (.*)\.$/m.exec(stderr + stdout)?.[1] ?? "unknown" };
  });
}

/** The clone's script "demo", `node setup.mjs && tsx PROGRAM ...`, without what is before tsx. */
function demoCommand(clone: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(join(clone, "package.json"), "utf8"));
  const words = `${scripts?.demo}`.split("&&").at(-1)!.trim().split(/\s+/);
  if (words[0] !== "tsx")
    throw new Error(`Expected a script 'demo' that ends in 'tsx PROGRAM' but received '${scripts?.demo}'.`);
  return [process.execPath, fileURLToPath(import.meta.resolve("tsx/cli")), ...words.slice(1)];
}
