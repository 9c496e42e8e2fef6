/** Runs other engines on the measured problem: loss and gradient, without an optimiser. They are installed when first asked for. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "./children.ts";
import { writeProblem } from "./problem-files.ts";
import type { Measurement, PeerResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const folder = fileURLToPath(new URL("peers", import.meta.url));

/** Evaluations stop after this; the one that runs then is still finished. */
const SECONDS = 60;

export interface PeerOptions {
  readonly reps: number;
  /** Part of the adapter's name, for engines on the GPU. */
  readonly device: string | undefined;
  /** Largest picture for tfjs on a software adapter, where a step takes many seconds. */
  readonly tfjsMaxSize: number;
}

interface Finished {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

interface Peer {
  readonly engine: string;
  /** Returns program and arguments that go before the common ones, or why there is none. */
  readonly command: () => Promise<readonly string[] | string>;
  readonly extra: readonly string[];
}

interface PeerLine {
  readonly engine: string;
  readonly loss: number;
  readonly gradientNorm: number;
  /** ms */
  readonly times: readonly number[];
  /** bytes */
  readonly peakProcess: number;
}

/** All peers at the size and on the adapter of `ours`, one after the other. */
export async function runPeers(ours: Measurement, options: PeerOptions): Promise<PeerResult[]> {
  const packages = installPackages();
  const script = (name: string) => async () => (await packages) ?? [process.execPath, join(folder, name)];
  const { family } = ours.adapter;
  const peers: Peer[] = [
    { engine: "onnxruntime-node", command: script("onnxruntime.mjs"), extra: [] },
    { engine: "PyTorch", command: pytorchCommand, extra: [family] },
    {
      engine: "tfjs webgpu",
      command: async () => tooSlow(ours, options) ?? (await script("tfjs.mjs")()),
      extra: options.device ? [options.device] : [],
    },
  ];
  return withFolder(async (scratch) => {
    writeProblem(scratch, ours.size);
    const results: PeerResult[] = [];
    for (const peer of peers) results.push(await runPeer(peer, ours, scratch, options.reps));
    return results;
  });
}

function tooSlow({ size, adapter }: Measurement, { tfjsMaxSize }: PeerOptions): string | undefined {
  return adapter.family === "cpu" && size > tfjsMaxSize
    ? `skipped above ${tfjsMaxSize} px (--tfjs-max-size): a step takes it 7 to 40 s on a software adapter`
    : undefined;
}

async function runPeer(peer: Peer, ours: Measurement, scratch: string, reps: number): Promise<PeerResult> {
  const { engine, extra } = peer;
  const { size, environment } = ours;
  const command = await peer.command();
  if (typeof command === "string") return { size, engine, problem: command };
  // Mesa's cache does not tell vector widths apart: where the engine chose no folder for its own, take an empty one.
  const env = { MESA_SHADER_CACHE_DIR: join(scratch, "shaders"), ...environment };
  const { ok, stdout, stderr } = await run([...command, scratch, `${reps}`, `${SECONDS}`, ...extra], env);
  if (!ok) return { size, engine, problem: `failed: ${lastLine(stderr)}` };
  const line: PeerLine = JSON.parse(lastLine(stdout));
  const { times, ...rest } = line;
  return { size, ...rest, wall: spreadOf(times)! };
}

/** Installs the peers in JavaScript unless they are there; resolves with a sentence if that fails. */
async function installPackages(): Promise<string | undefined> {
  const wanted: Record<string, string> = readJson(join(folder, "package.json")).dependencies;
  const isThere = ([name, version]: [string, string]) => {
    const path = join(folder, "node_modules", name, "package.json");
    return existsSync(path) && readJson(path).version === version;
  };
  if (Object.entries(wanted).every(isThere)) return undefined;
  process.stderr.write("bench: installing the peers (npm install in bench/peers, 600 MB)\n");
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  const { ok, stderr } = await run([...npm, "install", ...flags], { ONNXRUNTIME_NODE_INSTALL: "skip" });
  return ok ? undefined : `not installed: npm says ${lastLine(stderr)}`;
}

async function pytorchCommand(): Promise<readonly string[] | string> {
  for (const python of ["python3", "/usr/bin/python3", "python"]) {
    const { ok } = await run([python, "-c", "import torch"]);
    if (ok) return [python, join(folder, "pytorch.py")];
  }
  return "no Python with the package torch was found";
}

function run(command: readonly string[], variables: Record<string, string> = {}): Promise<Finished> {
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    cwd: folder,
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  return new Promise((resolve) => {
    child.once("error", ({ message }) => resolve({ ok: false, stdout, stderr: message }));
    child.once("close", (code) => resolve({ ok: code === 0, stdout, stderr }));
  });
}

/** The last line that says something; of Node's own reports, the one with the error. */
function lastLine(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.findLast((line) => /^\w*Error\b|^npm (error|ERR!)/.test(line)) ?? lines.at(-1) ?? "nothing";
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}
