/** Seconds per step at each size, and the peers' beside them. */

import { cacheVariables, describeMachine } from "./machine.ts";
import { type BenchOptions, defaultSizes } from "./options.ts";
import { runPeers } from "./peers.ts";
import { askChild, childScript, messageOf, say, withFolder } from "./processes.ts";
import type { Found, Measurement, MeasureRequest, PeerResult, StepsReport } from "./report.ts";
import { agrees, machineText, peerTable, profileTables, startTable, stepTable } from "./tables.ts";
import type { NetworkName } from "./task.ts";

interface Measured {
  readonly ours: Measurement;
  readonly cold?: Measurement;
  readonly peers: readonly PeerResult[];
}

export async function benchSteps(options: BenchOptions): Promise<Found<StepsReport>> {
  const machine = describeMachine();
  const date = new Date().toISOString();
  const found: Measured[] = [];
  const failures: string[] = [];
  for (const size of options.sizes ?? defaultSizes) {
    for (const network of options.network) {
      try {
        const at = await measureAt(network, size, options);
        found.push(at);
        failures.push(...disagreements(at));
      } catch (error) {
        failures.push(`${network} at ${size} px failed: ${messageOf(error)}`);
      }
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
  return { text: found.length > 0 ? textOf(report) : "", report, failures };
}

async function measureAt(network: NetworkName, size: number, options: BenchOptions): Promise<Measured> {
  const { reps, family, precision, optimizer, history, device, slowMaxSize, python } = options;
  const request: MeasureRequest = {
    ...{ network, size, reps, optimizer, history, family, precision, device },
    profile: options.profile ?? false,
  };
  const caches = options.cold ? " with an empty shader cache, then with a filled one" : "";
  say(`measuring ${network} at ${size} px${caches}`);
  const ours = options.cold
    ? await measureColdAndWarm(request)
    : { warm: await measureInChild(request), cold: undefined };
  if (options.peers) say(`running the peers with ${network} at ${size} px`);
  const peers = options.peers ? await runPeers(ours.warm, { reps, device, slowMaxSize, python }) : [];
  return { ours: ours.warm, ...(ours.cold && { cold: ours.cold }), peers };
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
function portable({ environment, ...measurement }: Measurement): Omit<Measurement, "environment"> {
  return measurement;
}

function textOf({ machine, date, options, measurements, coldStarts, peers }: StepsReport): string {
  const sections = [
    machineText(machine, measurements[0]!.adapter, date),
    stepTable(measurements, machine),
    startTable([...coldStarts, ...measurements]),
    ...measurements.flatMap((measurement) => profileTables(measurement)),
    ...(options.peers ? [peerTable(measurements, peers)] : []),
  ];
  return sections.join("\n\n");
}

/** Measures in a child process. Throws with the child's own sentence. */
export function measureInChild(
  request: MeasureRequest,
  variables?: Readonly<Record<string, string>>,
): Promise<Measurement> {
  return askChild<Measurement>(childScript, request, variables);
}

export interface ColdAndWarm {
  readonly cold: Measurement;
  readonly warm: Measurement;
}

/** Starts with an empty shader cache, then measures with what the first start left there. */
export function measureColdAndWarm(request: MeasureRequest): Promise<ColdAndWarm> {
  return withFolder(async (folder) => {
    const variables = cacheVariables(folder);
    const cold = await measureInChild({ ...request, reps: 0, profile: false }, variables);
    return { cold, warm: await measureInChild(request, variables) };
  });
}
