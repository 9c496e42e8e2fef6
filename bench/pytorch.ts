/** Finds PyTorch. */
import { join } from "node:path";
import type { KernelFamilyName } from "../engine/gpu/adapter.ts";
import { lastLine, peersFolder, run } from "./commands.ts";

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
