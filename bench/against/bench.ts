/**
 * `npm run bench -- --against REF`: this clone and an earlier commit by turns, so that both see the same moods of the
 * machine.
 */

import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchOptions } from "../options.ts";
import { messageOf, say, withFolder } from "../processes.ts";
import {
  type AdapterReport,
  type AgainstReport,
  type Comparison,
  type Found,
  reportHead,
  spreadOf,
} from "../report.ts";
import { digits, machineText, table } from "../tables.ts";
import { type Contest, demoContest, stepContests, type Turn } from "./contests.ts";

export async function benchAgainst(options: BenchOptions): Promise<Found<AgainstReport>> {
  const { rounds, demo = false } = options;
  const head = reportHead(options);
  const comparisons: Comparison[] = [];
  const failures: string[] = [];
  let adapter: AdapterReport | undefined;
  const against = commitOf(options.against!);
  await withWorktree(against, async (earlier) => {
    for (const contest of demo ? [demoContest(options)] : stepContests(options)) {
      try {
        const found = await byTurns(contest, [root, earlier], rounds);
        adapter ??= found[0]![0].adapter;
        comparisons.push(...compare(contest, found));
      } catch (error) {
        failures.push(`${contest.name} failed: ${messageOf(error)}`);
      }
    }
  });
  const report = { kind: "against", ...head, against, comparisons } as const;
  const text = comparisons.length > 0 ? `${machineText(head, adapter)}\n\n${againstTable(report)}` : "";
  return { text, report, failures };
}

type Round = readonly [now: Turn, earlier: Turn];

async function byTurns(
  { name, prepare, measure }: Contest,
  [now, earlier]: readonly [now: string, earlier: string],
  rounds: number,
): Promise<Round[]> {
  if (prepare) {
    say(`${name}, once before the first round`);
    await prepare(now);
    await prepare(earlier);
  }
  const found: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`${name}, round ${round} of ${rounds}`);
    found.push([await measure(now), await measure(earlier)]);
  }
  return found;
}

function compare({ size }: Contest, rounds: readonly Round[]): Comparison[] {
  const [now, earlier] = rounds[0]!;
  return [...now.times.keys()].map((what) => ({
    ...(size !== undefined && { size }),
    what,
    network: now.network,
    earlierNetwork: earlier.network,
    now: rounds.map(([measured]) => measured.times.get(what)!),
    earlier: rounds.map(([, measured]) => measured.times.get(what)!),
  }));
}

/** This clone. */
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Throws where `ref` is none. */
const commitOf = (ref: string): string => git("rev-parse", "--short=10", `${ref}^{commit}`);

/** Runs `use` with a folder that has `commit` checked out and this clone's packages. */
async function withWorktree(commit: string, use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (scratch) => {
    const folder = join(scratch, "earlier");
    git("worktree", "add", "--detach", folder, commit);
    try {
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
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

/** Medians of all rounds, and the ratio of each round: turns of one round ran side by side. */
export function againstTable({
  against,
  comparisons,
}: Pick<AgainstReport, "against" | "comparisons">): string {
  const median = (values: readonly number[]) => spreadOf(values)!.median;
  const seconds = (ms: readonly number[]) => digits(median(ms) / 1e3);
  const rows = comparisons.map(({ size, what, network, earlierNetwork, now, earlier }) => {
    const ratios = now.map((ms, round) => ms / earlier[round]!);
    const each = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
    const sides = [network, seconds(now), earlierNetwork, seconds(earlier)];
    return [what, size ?? "-", ...sides, median(ratios).toFixed(3), each];
  });
  const head = [
    ...["", "size", "network now", "s", `network of ${against}`, "s"],
    ...["now / earlier, median", "each round"],
  ];
  return `## Against ${against}\n\n${table(head, rows)}`;
}
