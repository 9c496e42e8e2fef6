/** Runs other engines on the measured problem: loss and gradient, without an optimiser. */
import { join } from "node:path";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import { withFolder } from "./children.ts";
import { lastLine, peersFolder, run } from "./commands.ts";
import { installPackages, type Missing } from "./packages.ts";
import { seededNetwork, seededPictures, terms } from "./problem.ts";
import { writeProblem } from "./problem-files.ts";
import { findPyTorch, type PyTorch } from "./pytorch.ts";
import type { Measurement, PeerResult } from "./report.ts";
import { spreadOf } from "./statistics.ts";
import { F32_TOLERANCE } from "./tables.ts";

/** Evaluations stop after this; the one that runs then is still finished. */
const SECONDS = 60;

/** A peer is ended after this, milliseconds. */
const TIMEOUT = 300_000;

/** Relative differences that are allowed to lower precisions. */
const tolerances: Readonly<Record<string, number>> = { tf32: 1e-2, f16: 2e-2, bf16: 5e-2 };

export interface PeerOptions {
  readonly reps: number;
  /** As --device has it; engines on the GPU then get the same adapter. */
  readonly device: string | undefined;
  /** Largest picture for those that take many seconds a step on software adapters, instead of their own limits. */
  readonly slowMaxSize: number | undefined;
  /** The Python that has PyTorch; undefined: the first that is found to. */
  readonly python: string | undefined;
}

export interface Peer {
  readonly engine: string;
  /** Program and arguments that go before the common ones. */
  readonly command: readonly string[];
  readonly extra: readonly string[];
  readonly tolerance: number;
  /** One sentence: why it isn't run. */
  readonly problem?: string | undefined;
}

interface PeerLine {
  readonly engine: string;
  readonly loss: number;
  readonly gradientNorm: number;
  /** ms */
  readonly times: readonly number[];
  /** bytes */
  readonly peakProcess: number;
  readonly peakDevice?: number;
}

/** All peers at the size, with the network and on the adapter of `ours`, one after the other. */
export async function runPeers(ours: Measurement, options: PeerOptions): Promise<PeerResult[]> {
  const missing = await installPackages();
  const pytorch = await findPyTorch(ours.adapter.family, options.python);
  const peers = [...javascriptPeers(ours, options, missing), ...pytorchPeers(pytorch, ours.adapter.family)];
  return withFolder(async (scratch) => {
    writeProblem(scratch, {
      network: seededNetwork(ours.network),
      terms,
      pictures: seededPictures(ours.size),
    });
    const results: PeerResult[] = [];
    for (const peer of peers) results.push(await runPeer(peer, ours, scratch, options.reps));
    return results;
  });
}

function javascriptPeers(ours: Measurement, options: PeerOptions, missing: Missing): Peer[] {
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
  process.stderr.write(`bench: ${engine}\n`);
  // Mesa's cache does not tell vector widths apart: where the engine chose no folder for its own, take an empty one.
  const variables = { MESA_SHADER_CACHE_DIR: join(scratch, "shaders"), ...environment };
  const args = [scratch, `${reps}`, `${SECONDS}`, ...extra];
  const { ok, stdout, stderr } = await run([...command, ...args], { variables, timeout: TIMEOUT });
  if (!ok) return { network, size, engine, problem: `failed: ${lastLine(stderr)}` };
  const { times, ...line }: PeerLine = JSON.parse(lastLine(stdout));
  return { network, size, ...line, wall: spreadOf(times)!, tolerance };
}
