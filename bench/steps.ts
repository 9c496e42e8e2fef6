/** Seconds per step at each size, and the peers' beside them. */

import { cacheVariables } from "./machine.ts";
import { type BenchOptions, casesOf, defaultSizes } from "./options.ts";
import { runPeers } from "./peers.ts";
import { askChild, childScript, messageOf, say, withFolder } from "./processes.ts";
import {
  type Found,
  type Measurement,
  type MeasureRequest,
  type PeerResult,
  reportHead,
  type StepsReport,
} from "./report.ts";
import { agrees, machineText, peerTable, profileTables, startTable, stepTable } from "./tables.ts";
import type { NetworkName } from "./task.ts";

interface Measured {
  readonly ours: Measurement;
  readonly cold?: Measurement;
  readonly peers: readonly PeerResult[];
}

export async function benchSteps(options: BenchOptions): Promise<Found<StepsReport>> {
  const head = reportHead(options);
  const found: Measured[] = [];
  const failures: string[] = [];
  for (const { network, size, what } of casesOf(options, defaultSizes)) {
    try {
      const at = await measureAt(network, size, options);
      found.push(at);
      failures.push(...disagreements(at));
    } catch (error) {
      failures.push(`${what} failed: ${messageOf(error)}`);
    }
  }
  const report: StepsReport = {
    kind: "steps",
    ...head,
    measurements: found.map(({ ours }) => portable(ours)),
    coldStarts: found.flatMap(({ cold }) => (cold ? [portable(cold)] : [])),
    peers: found.flatMap(({ peers }) => peers),
  };
  return { text: found.length > 0 ? textOf(report) : "", report, failures };
}

async function measureAt(network: NetworkName, size: number, options: BenchOptions): Promise<Measured> {
  const { reps, family, precision, optimizer, history, device } = options;
  const request: MeasureRequest = {
    ...{ network, size, reps, optimizer, history, family, precision, device },
    profile: options.profile ?? false,
  };
  const caches = options.cold ? " with an empty shader cache, then with a filled one" : "";
  say(`measuring ${network} at ${size} px${caches}`);
  const { cold, warm: ours } = options.cold
    ? await measureColdAndWarm<Measurement>(childScript, request)
    : { cold: undefined, warm: await askChild<Measurement>(childScript, request) };
  if (options.peers) say(`running the peers with ${network} at ${size} px`);
  const peers = options.peers ? await runPeers(ours, options) : [];
  return { ours, ...(cold && { cold }), peers };
}

function disagreements({ ours, peers }: Measured): string[] {
  return peers
    .filter((peer) => !("problem" in peer) && !agrees(ours, peer))
    .map(
      ({ engine, size }) =>
        `${engine} finds another loss or gradient with ${ours.network} at ${size} px: its time means nothing`,
    );
}

/** Leaves out what only this machine understands: its folders. */
export function portable({ environment, ...measurement }: Measurement): Omit<Measurement, "environment"> {
  return measurement;
}

function textOf(report: StepsReport): string {
  const { machine, options, measurements, coldStarts, peers } = report;
  const sections = [
    machineText(report, measurements[0]!.adapter),
    stepTable(measurements, machine),
    startTable([...coldStarts, ...measurements]),
    ...measurements.flatMap((measurement) => profileTables(measurement)),
    ...(options.peers ? [peerTable(measurements, peers)] : []),
  ];
  return sections.join("\n\n");
}

/** Starts with an empty shader cache, then measures with what the first start left there. */
export function measureColdAndWarm<Measured>(child: string, request: MeasureRequest) {
  return withFolder(async (folder) => {
    const variables = cacheVariables(folder);
    const cold = await askChild<Measured>(child, { ...request, reps: 0, profile: false }, variables);
    return { cold, warm: await askChild<Measured>(child, request, variables) };
  });
}
