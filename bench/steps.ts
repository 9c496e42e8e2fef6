/** Seconds per step at each size, and the peers' beside them. */
import { measureColdAndWarm, measureInChild } from "./children.ts";
import { describeMachine } from "./machine.ts";
import { type BenchOptions, defaultSizes } from "./options.ts";
import { type Found, say } from "./output.ts";
import { runPeers } from "./peers.ts";
import type { Measurement, MeasureRequest, PeerResult, StepsReport } from "./report.ts";
import { agrees, machineText, peerTable, profileTables, startTable, stepTable } from "./tables.ts";

interface AtSize {
  readonly ours: Measurement;
  readonly cold?: Measurement;
  readonly peers: readonly PeerResult[];
}

export async function benchSteps(options: BenchOptions): Promise<Found<StepsReport>> {
  const machine = describeMachine();
  const date = new Date().toISOString();
  const found: AtSize[] = [];
  const problems: string[] = [];
  for (const size of options.sizes ?? defaultSizes) {
    try {
      const at = await measureSize(size, options);
      found.push(at);
      problems.push(...disagreements(at));
    } catch (error) {
      problems.push(`${size} px failed: ${error instanceof Error ? error.message : error}`);
    }
  }
  const { json, chart, python, ...asked } = options;
  const report = {
    kind: "steps",
    date,
    machine,
    options: asked,
    measurements: found.map(({ ours }) => portable(ours)),
    coldStarts: found.flatMap(({ cold }) => (cold ? [portable(cold)] : [])),
    peers: found.flatMap(({ peers }) => peers),
  } as const;
  return { text: found.length > 0 ? textOf(report) : "", report, problems };
}

async function measureSize(size: number, options: BenchOptions): Promise<AtSize> {
  const {
    reps,
    family,
    precision,
    optimizer,
    history,
    device,
    profile = false,
    slowMaxSize,
    python,
  } = options;
  const request: MeasureRequest = { size, reps, optimizer, history, family, precision, device, profile };
  say(`measuring ${size} px${options.cold ? " with an empty shader cache, then with a filled one" : ""}`);
  const ours = options.cold
    ? await measureColdAndWarm(request)
    : { warm: await measureInChild(request), cold: undefined };
  if (options.peers) say(`running the peers at ${size} px`);
  const peers = options.peers ? await runPeers(ours.warm, { reps, device, slowMaxSize, python }) : [];
  return { ours: ours.warm, ...(ours.cold && { cold: ours.cold }), peers };
}

function disagreements({ ours, peers }: AtSize): string[] {
  return peers
    .filter((peer) => !("problem" in peer) && !agrees(ours, peer))
    .map(
      ({ engine, size }) => `${engine} finds another loss or gradient at ${size} px: its time means nothing`,
    );
}

/** Leaves out what only this machine understands: its folders. */
function portable({ environment, ...measurement }: Measurement): Omit<Measurement, "environment"> {
  return measurement;
}

function textOf({ machine, date, options, measurements, coldStarts, peers }: StepsReport): string {
  const sections = [
    machineText(machine, measurements[0]!.adapter, date),
    stepTable(measurements, machine),
    startTable([...coldStarts, ...measurements]),
    ...measurements.flatMap(({ size, profile }) => (profile ? [profileTables(size, profile)] : [])),
    ...(options.peers ? [peerTable(measurements, peers)] : []),
  ];
  return sections.join("\n\n");
}
