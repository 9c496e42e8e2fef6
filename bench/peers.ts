/** Runs other engines on the measured task: loss and gradient, without an optimiser. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import type { BenchOptions } from "./options.ts";
import { lastLine, peersFolder, run, say, withFolder } from "./processes.ts";
import { type Measurement, type PeerMeasurement, type PeerResult, spreadOf } from "./report.ts";
import { F32_TOLERANCE } from "./tables.ts";
import { seededNetwork, seededPictures, terms, writeTask } from "./task.ts";

/** Evaluations stop after this; the one that runs then is still finished. */
const SECONDS = 60;

/** A peer is ended after this, milliseconds. */
const TIMEOUT = 300_000;

/** Relative differences that are allowed to lower precisions. */
const tolerances: Readonly<Record<string, number>> = { tf32: 1e-2, f16: 2e-2, bf16: 5e-2 };

export interface Peer {
  readonly engine: string;
  /** Program and arguments that go before the common ones. */
  readonly command: readonly string[];
  readonly extra: readonly string[];
  readonly tolerance: number;
  /** One sentence: why it isn't run. */
  readonly problem?: string | undefined;
}

/** What a peer prints: its times in ms. */
type PeerLine = Omit<PeerMeasurement, "network" | "size" | "wall" | "tolerance"> & {
  readonly times: readonly number[];
};

/** Of the peers' packages: those that lie there, or all, fetched where they are missing. */
export type PeerPackages = "present" | "all";

/**
 * All peers at the size, with the network and on the adapter of `ours`, one after the other; on a GPU those that leave
 * it alone can be left out.
 */
export async function runPeers(
  ours: Measurement,
  options: BenchOptions,
  {
    packages = "all",
    onlyGpu = false,
  }: { readonly packages?: PeerPackages; readonly onlyGpu?: boolean } = {},
): Promise<PeerResult[]> {
  const missing = packages === "all" ? await installPackages() : presentPackages();
  const pytorch = await findPyTorch(ours.adapter.family, options.python);
  const all = [...javascriptPeers(ours, options, missing), ...pytorchPeers(pytorch, ours.adapter.family)];
  const peers = onlyGpu ? all.filter(({ engine }) => !/ (cpu|wasm)\b/.test(engine)) : all;
  return withFolder(async (scratch) => {
    writeTask(scratch, {
      network: seededNetwork(ours.network),
      terms,
      pictures: seededPictures(ours.size),
    });
    const results: PeerResult[] = [];
    for (const peer of peers) results.push(await runPeer(peer, ours, scratch, options.reps));
    return results;
  });
}

function javascriptPeers(ours: Measurement, options: BenchOptions, missing: Missing): Peer[] {
  const { adapter, size } = ours;
  const onSoftware = adapter.family === "cpu";
  const chosen = options.device ? [adapter.name] : []; // Dawn takes no other case, and no number
  /** `slowAbove`: the largest size on a software adapter; undefined for no limit. */
  const peer = (
    engine: string,
    script: string,
    packages: string[],
    extra: string[],
    slowAbove?: number,
  ): Peer => {
    const limit = slowAbove === undefined || !onSoftware ? undefined : (options.slowMaxSize ?? slowAbove);
    const slow =
      limit !== undefined && size > limit
        ? `skipped above ${limit} px (--slow-max-size): it takes many seconds a step on a software adapter`
        : undefined;
    const problem = slow ?? packages.map(missing).find((sentence) => sentence !== undefined);
    const command = [process.execPath, join(peersFolder, script)];
    return { engine, command, extra, tolerance: F32_TOLERANCE, problem };
  };
  const onnx = (kind: "node" | "web", provider: string, slowAbove?: number) => {
    const name = `onnxruntime-${kind}`;
    const extra = [`${kind}-${provider}`, ...chosen];
    return peer(`${name} ${provider}`, "onnxruntime.mjs", [name], extra, slowAbove);
  };
  const tfjs = ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-webgpu"];
  const jax = onSoftware ? "wasm" : "webgpu";
  return [
    onnx("node", "cpu"),
    onnx("node", "webgpu", 64),
    onnx("web", "wasm"),
    onnx("web", "webgpu", 32),
    peer("tfjs webgpu", "tfjs.mjs", tfjs, chosen, 128),
    peer(`jax-js ${jax}`, "jax.mjs", ["@jax-js/jax"], [jax, ...chosen], 32),
  ];
}

/** One for each of PyTorch's modes. */
export function pytorchPeers(pytorch: PyTorch | string, family: KernelFamilyName): Peer[] {
  if (typeof pytorch === "string") {
    return [{ engine: "PyTorch", command: [], extra: [], tolerance: F32_TOLERANCE, problem: pytorch }];
  }
  const { python, version, device, modes } = pytorch;
  return modes.map((mode) => ({
    engine: `PyTorch ${version} ${device} ${mode}`,
    command: [python, join(peersFolder, "pytorch.py")],
    extra: [family, mode],
    tolerance: toleranceOf(mode),
  }));
}

export function toleranceOf(mode: string): number {
  return Math.max(F32_TOLERANCE, ...mode.split(" ").map((word) => tolerances[word] ?? 0));
}

async function runPeer(peer: Peer, ours: Measurement, scratch: string, reps: number): Promise<PeerResult> {
  const { engine, command, extra, tolerance, problem } = peer;
  const { network, size, environment } = ours;
  if (problem !== undefined) return { network, size, engine, problem };
  say(engine);
  // Mesa's cache does not tell vector widths apart: where the engine chose no folder for its own, take an empty one.
  const variables = { MESA_SHADER_CACHE_DIR: join(scratch, "shaders"), ...environment };
  const args = [scratch, `${reps}`, `${SECONDS}`, ...extra];
  const { ok, stdout, stderr } = await run([...command, ...args], { variables, timeout: TIMEOUT });
  if (!ok) return { network, size, engine, problem: `failed: ${lastLine(stderr)}` };
  const { times, ...line }: PeerLine = JSON.parse(lastLine(stdout));
  return { network, size, ...line, wall: spreadOf(times)!, tolerance };
}

// The peers' npm packages, which are no dependencies of the project.

/** Why a package can't be used: a sentence; undefined where it can. */
export type Missing = (name: string) => string | undefined;

let installed: Promise<Missing> | undefined;

/** Installs what is missing, once in a process; a machine without network goes on with what is there. */
export function installPackages(): Promise<Missing> {
  installed ??= install();
  return installed;
}

function wantedPackages() {
  const wanted: Readonly<Record<string, string>> = readJson(join(peersFolder, "package.json")).dependencies;
  const isThere = (name: string) => {
    const path = join(peersFolder, "node_modules", name, "package.json");
    return existsSync(path) && readJson(path).version === wanted[name];
  };
  return { wanted, isThere };
}

/** Installs nothing. */
function presentPackages(): Missing {
  const { wanted, isThere } = wantedPackages();
  return (name) =>
    isThere(name) ? undefined : `${name} ${wanted[name]} is not installed (--peers installs it)`;
}

async function install(): Promise<Missing> {
  const { wanted, isThere } = wantedPackages();
  if (Object.keys(wanted).every(isThere)) return () => undefined;
  say("installing the peers (npm install in bench/peers, 750 MB)");
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=1"];
  const variables = { ONNXRUNTIME_NODE_INSTALL: "skip" };
  const { ok, stderr } = await run([...npm, "install", ...flags], { variables });
  const why = ok
    ? "npm left it out"
    : `npm says ${/^npm \S+ code (\S+)/m.exec(stderr)?.[1] ?? lastLine(stderr)}`;
  return (name) => (isThere(name) ? undefined : `${name} ${wanted[name]} is not installed: ${why}`);
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

export interface PyTorch {
  readonly python: string;
  readonly version: string;
  readonly device: "cpu" | "cuda";
  /** Of the device. */
  readonly name: string;
  readonly modes: readonly string[];
}

/** The first Python that has torch, `asked` alone if given; a sentence if none has. */
export async function findPyTorch(
  family: KernelFamilyName,
  asked: string | undefined,
): Promise<PyTorch | string> {
  const pythons = asked === undefined ? ["python3", "/usr/bin/python3", "python"] : [asked];
  for (const python of pythons) {
    const { ok, stdout } = await run([python, join(peersFolder, "pytorch.py"), "modes", family]);
    if (ok) return { python, ...JSON.parse(lastLine(stdout)) };
  }
  return `no Python with the package torch was found (${pythons.join(", ")}; --python names one)`;
}
