/** `npm run bench -- [options]`: measures, prints Markdown on stdout, progress on stderr. See docs/performance.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { measureColdAndWarm, measureInChild } from "./children.ts";
import { describeMachine } from "./machine.ts";
import { type BenchOptions, benchCommand } from "./options.ts";
import { runPeers } from "./peers.ts";
import type { Measurement, MeasureRequest, PeerResult } from "./report.ts";
import { agrees, machineText, peerTable, profileTables, startTable, stepTable } from "./tables.ts";

const options = benchCommand().parse().opts<BenchOptions>();
const machine = describeMachine();
const date = new Date().toISOString();
const measurements: Measurement[] = [];
const coldStarts: Measurement[] = [];
const peers: PeerResult[] = [];

for (const size of options.sizes) {
  try {
    await measureSize(size);
  } catch (error) {
    say(`${size} px failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
if (measurements.length > 0) print();

async function measureSize(size: number): Promise<void> {
  const { reps, family, optimizer, history, device, profile = false, tfjsMaxSize } = options;
  const request: MeasureRequest = { size, reps, optimizer, history, family, device, profile };
  say(`measuring ${size} px${options.cold ? " with an empty shader cache, then with a filled one" : ""}`);
  if (options.cold) {
    const { cold, warm } = await measureColdAndWarm(request);
    coldStarts.push(cold);
    measurements.push(warm);
  } else measurements.push(await measureInChild(request));
  if (!options.peers) return;
  say(`running the peers at ${size} px`);
  const ours = measurements.at(-1)!;
  const found = await runPeers(ours, { reps, device, tfjsMaxSize });
  peers.push(...found);
  const disagrees = found.filter((peer) => !("problem" in peer) && !agrees(ours, peer));
  for (const { engine } of disagrees) say(`${engine} finds another loss or gradient: its time means nothing`);
  if (disagrees.length > 0) process.exitCode = 1;
}

function print(): void {
  const sections = [
    machineText(machine, measurements[0]!, date),
    stepTable(measurements),
    startTable([...coldStarts, ...measurements]),
    ...measurements.flatMap(({ size, profile }) => (profile ? [profileTables(size, profile)] : [])),
    ...(options.peers ? [peerTable(measurements, peers)] : []),
  ];
  console.log(sections.join("\n\n"));
  if (options.json !== undefined) write(options.json);
}

/** Leaves out what only this machine understands: its folders. */
function write(file: string): void {
  const { json, ...asked } = options;
  const portable = ({ environment, ...measurement }: Measurement) => measurement;
  const report = {
    date,
    machine,
    options: asked,
    measurements: measurements.map(portable),
    coldStarts: coldStarts.map(portable),
    peers,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  say(`wrote ${file}`);
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
