/**
 * `npm run bench -- --against REF`: this clone and an earlier commit by turns, so that both see the same moods of the
 * machine.
 */
import { describeMachine } from "../machine.ts";
import type { BenchOptions } from "../options.ts";
import { type Found, say } from "../output.ts";
import type { AdapterReport, AgainstReport, Compared, Comparison } from "../report.ts";
import { machineText } from "../tables.ts";
import { commitOf, root, withWorktree } from "./clones.ts";
import { demoSubject } from "./demo.ts";
import { stepSubjects } from "./steps.ts";
import { againstTable } from "./table.ts";

/** What is measured in two clones. */
export interface Subject {
  /** Pixels a side; undefined of the demo. */
  readonly size?: number;
  readonly name: string;
  /** Runs once in each clone before the first round. */
  readonly prepare?: (clone: string) => Promise<unknown>;
  readonly measure: (clone: string) => Promise<Measured>;
}

/** What a clone found in one round; it may have had another network than the other. */
export interface Measured {
  readonly network: string;
  readonly adapter?: AdapterReport;
  /** Milliseconds. */
  readonly times: ReadonlyMap<Compared, number>;
}

export async function benchAgainst(options: BenchOptions): Promise<Found<AgainstReport>> {
  const { rounds, demo = false } = options;
  const machine = describeMachine();
  const date = new Date().toISOString();
  const comparisons: Comparison[] = [];
  const problems: string[] = [];
  let adapter: AdapterReport | undefined;
  const against = commitOf(options.against!);
  await withWorktree(against, async (earlier) => {
    for (const subject of demo ? [demoSubject(options)] : stepSubjects(options)) {
      try {
        const found = await byTurns(subject, [root, earlier], rounds);
        adapter ??= found[0]![0].adapter;
        comparisons.push(...compare(subject, found));
      } catch (error) {
        problems.push(`${subject.name} failed: ${error instanceof Error ? error.message : error}`);
      }
    }
  });
  const { json, chart, python, ...asked } = options;
  const report = { kind: "against", date, machine, options: asked, against, comparisons } as const;
  const text =
    comparisons.length > 0 ? [machineText(machine, adapter, date), againstTable(report)].join("\n\n") : "";
  return { text, report, problems };
}

type Round = readonly [now: Measured, earlier: Measured];

async function byTurns(
  { name, prepare, measure }: Subject,
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

function compare({ size }: Subject, rounds: readonly Round[]): Comparison[] {
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
