/**
 * What is measured in two clones: steps and starts, by each clone's own benchmark; or the whole demo as `npm run demo`
 * runs it, without its set-up, from the program's start to its end, with the network that each clone chooses.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheVariables } from "../machine.ts";
import { type BenchOptions, defaultSizes } from "../options.ts";
import { askChild, lastLine, run, withFolder } from "../processes.ts";
import type { AdapterReport, Compared, KeptMeasurement, MeasureRequest } from "../report.ts";
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
  const { network: networks, reps, family, precision, optimizer, history, device } = options;
  const sizes = options.sizes ?? defaultSizes;
  return sizes.flatMap((size) =>
    networks.map((network): Contest => {
      const request: MeasureRequest = {
        ...{ network, size, reps, optimizer, history, family, precision, device },
        profile: false,
      };
      const measure = (clone: string) => measureClone(clone, request, options.cold ?? false);
      return { size, name: `${network} at ${size} px`, measure };
    }),
  );
}

async function measureClone(clone: string, request: MeasureRequest, isCold: boolean): Promise<Turn> {
  const child = join(clone, "bench", "child.ts");
  if (!existsSync(child)) throw new Error("Expected the commit to have a benchmark but it has none.");
  const ask = (asked: MeasureRequest, variables?: Readonly<Record<string, string>>) =>
    askChild<KeptMeasurement>(child, asked, variables);
  const found = (measurement: KeptMeasurement, starts: readonly (readonly [Compared, number])[]): Turn => {
    const { adapter, wall } = measurement;
    const times = new Map<Compared, number>([...starts, ["step", wall!.median]]);
    return { network: networkOf(measurement), adapter, times };
  };
  if (!isCold) return found(await ask(request), []);
  return withFolder(async (cache) => {
    const variables = cacheVariables(cache);
    const cold = await ask({ ...request, reps: 0 }, variables);
    const warm = await ask(request, variables);
    return found(warm, [
      ["cold start", cold.startUp.total],
      ["warm start", warm.startUp.total],
    ]);
  });
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
