/**
 * The whole demo as `npm run demo` runs it, without its set-up: from the program's start to its end, with the network
 * that each clone chooses.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../children.ts";
import { lastLine, run } from "../commands.ts";
import type { BenchOptions } from "../options.ts";
import type { Compared } from "../report.ts";
import { cacheVariables } from "../shader-cache.ts";
import type { Measured, Subject } from "./bench.ts";

/**
 * From a filled shader cache; with `cold`, in each round with an empty one first, then with what that run left there.
 */
export function demoSubject({ cold = false }: Pick<BenchOptions, "cold">): Subject {
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
): Promise<Measured> {
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
