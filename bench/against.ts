/** Compares with an earlier commit: its own benchmark and this one's run by turns, so that both see the same moods of the machine. */
import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { askChild, withFolder } from "./children.ts";
import { describeMachine } from "./machine.ts";
import { type BenchOptions, defaultSizes } from "./options.ts";
import { type Found, say } from "./output.ts";
import type { AgainstReport, Compared, ComparedSize, Measurement, MeasureRequest } from "./report.ts";
import { cacheVariables } from "./shader-cache.ts";
import { againstTable, machineText } from "./tables.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

export async function benchAgainst(options: BenchOptions): Promise<Found<AgainstReport>> {
  const { reps, family, precision, optimizer, history, device, rounds } = options;
  const machine = describeMachine();
  const date = new Date().toISOString();
  const sizes: ComparedSize[] = [];
  const problems: string[] = [];
  let adapter: Measurement["adapter"] | undefined;
  const against = git("rev-parse", "--short=10", `${options.against}^{commit}`);
  await withWorktree(against, async (folder) => {
    for (const size of options.sizes ?? defaultSizes) {
      const request: MeasureRequest = {
        ...{ size, reps, optimizer, history, family, precision, device },
        profile: false,
      };
      const measured = (clone: string) => measureClone(clone, request, options.cold ?? false);
      const now: Times[] = [];
      const earlier: Times[] = [];
      try {
        for (let round = 1; round <= rounds; round++) {
          say(`${size} px, round ${round} of ${rounds}`);
          const [ours, theirs] = [await measured(root), await measured(folder)];
          adapter ??= ours.adapter;
          now.push(ours.times);
          earlier.push(theirs.times);
        }
        const all = (rounds: readonly Times[], what: Compared) => rounds.map((times) => times.get(what)!);
        for (const what of now[0]!.keys())
          sizes.push({ size, what, now: all(now, what), earlier: all(earlier, what) });
      } catch (error) {
        problems.push(`${size} px failed: ${error instanceof Error ? error.message : error}`);
      }
    }
  });
  const { json, chart, python, ...asked } = options;
  const report = { kind: "against", date, machine, options: asked, against, sizes } as const;
  const text = adapter ? [machineText(machine, adapter, date), againstTable(report)].join("\n\n") : "";
  return { text, report, problems };
}

const childOf = (folder: string) => join(folder, "bench", "child.ts");

/** Milliseconds. */
type Times = ReadonlyMap<Compared, number>;

/** Measures with a clone's own benchmark. */
async function measureClone(clone: string, request: MeasureRequest, isCold: boolean) {
  const ask = (asked: MeasureRequest, variables?: Readonly<Record<string, string>>) =>
    askChild<Measurement>(childOf(clone), asked, variables);
  const stepOf = ({ wall }: Measurement) => ["step", wall!.median] as const;
  if (!isCold) {
    const measurement = await ask(request);
    return { adapter: measurement.adapter, times: new Map<Compared, number>([stepOf(measurement)]) };
  }
  return withFolder(async (cache) => {
    const variables = cacheVariables(cache);
    const cold = await ask({ ...request, reps: 0 }, variables);
    const warm = await ask(request, variables);
    const times = new Map<Compared, number>([
      ["cold start", cold.startUp.total],
      ["warm start", warm.startUp.total],
      stepOf(warm),
    ]);
    return { adapter: warm.adapter, times };
  });
}

/** Runs `use` with a folder that has `commit` checked out and this clone's packages. */
async function withWorktree(commit: string, use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (scratch) => {
    const folder = join(scratch, "earlier");
    git("worktree", "add", "--detach", folder, commit);
    try {
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
      if (!existsSync(childOf(folder)))
        throw new Error(`Expected ${commit} to have a benchmark but it has none.`);
      await use(folder);
    } finally {
      git("worktree", "remove", "--force", folder);
    }
  });
}

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (status === 0) return stdout.trim();
  throw new Error(`git ${args.join(" ")}: ${stderr?.trim() || "git could not be run"}`);
}
