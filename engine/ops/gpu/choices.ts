/**
 * Keeps what tuning chose: as text, for one adapter, driver and set of kernels. Where the text is kept is up to the
 * caller.
 */
import type { GpuContext } from "../../gpu/context.ts";
import { candidateKernels } from "./tune.ts";

/** Variants by problem, as in `GpuContext.choices`. */
export type Choices = ReadonlyMap<string, string>;

/**
 * What choices are valid for: adapter and driver, `version` of the engine and the text of its kernels. The precision is
 * in their keys.
 */
export function choicesFingerprint(context: GpuContext, version: string): string {
  const { vendor, architecture, device, description } = context.adapterInfo;
  const kernels = hash(
    candidateKernels(context)
      .map(({ code }) => code)
      .join("\n"),
  );
  return [vendor, architecture, device, description, version, kernels].join(" | ");
}

/** JSON that `parseChoices` reads. */
export function serializeChoices(choices: Choices, fingerprint: string): string {
  const sorted = [...choices].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify({ fingerprint, choices: Object.fromEntries(sorted) }, undefined, 2)}\n`;
}

/** The choices in a text; none where it is damaged or was made for something else. Never throws. */
export function parseChoices(text: string, fingerprint: string): Choices {
  try {
    const stored = JSON.parse(text) as { readonly fingerprint?: unknown; readonly choices?: unknown } | null;
    if (stored?.fingerprint !== fingerprint || typeof stored.choices !== "object") return new Map();
    const entries = Object.entries(stored.choices ?? {});
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return new Map();
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}
