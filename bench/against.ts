/** Compares with an earlier commit: its own benchmark and this one's run by turns, so that both see the same moods of the machine. */
import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { askChild, withFolder } from "./children.ts";
import { describeMachine } from "./machine.ts";
import { type BenchOptions, defaultSizes } from "./options.ts";
import { type Found, say } from "./output.ts";
import type { AgainstReport, ComparedSize, Measurement, MeasureRequest } from "./report.ts";
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
      const found: { now: Measurement[]; earlier: Measurement[] } = { now: [], earlier: [] };
      try {
        for (let round = 1; round <= rounds; round++) {
          say(`${size} px, round ${round} of ${rounds}`);
          found.now.push(await askChild<Measurement>(childOf(root), request));
          found.earlier.push(await askChild<Measurement>(childOf(folder), request));
        }
        adapter ??= found.now[0]!.adapter;
        sizes.push({ size, now: found.now.map(medianStep), earlier: found.earlier.map(medianStep) });
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

const medianStep = ({ wall }: Measurement) => wall!.median;

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
