/**
 * What was found out about kernels, as text: for one adapter, driver and set of kernels. Where the text is kept is up
 * to the caller.
 */
import type { GpuContext, Verdict } from "../../gpu/context.ts";
import { candidateKernels } from "./tune.ts";

/** As a `GpuContext` has them. */
export interface KnownKernels {
  /** Variants by problem. */
  readonly choices: ReadonlyMap<string, string>;
  /** By precision. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

const fingerprints = new WeakMap<GpuContext, string>();

/**
 * What all this is valid for: adapter and driver, and the text of the kernels. The precision is in the keys. Recording
 * all kernels takes a while, so a context's is made once.
 */
export function kernelsFingerprint(context: GpuContext): string {
  const made = fingerprints.get(context);
  if (made !== undefined) return made;
  const { vendor, architecture, device, description } = context.adapterInfo;
  const kernels = hash(
    candidateKernels(context)
      .map(({ code }) => code)
      .join("\n"),
  );
  const fingerprint = [vendor, architecture, device, description, kernels].join(" | ");
  fingerprints.set(context, fingerprint);
  return fingerprint;
}

/** JSON that `parseKnown` reads. */
export function serializeKnown({ choices, verdicts }: KnownKernels, fingerprint: string): string {
  const sorted = [...choices].sort(([a], [b]) => (a < b ? -1 : 1));
  const known = {
    fingerprint,
    verdicts: Object.fromEntries(verdicts),
    choices: Object.fromEntries(sorted),
  };
  return `${JSON.stringify(known, undefined, 2)}\n`;
}

/** What a text says; nothing where it is damaged or was made for something else. Never throws. */
export function parseKnown(text: string, fingerprint: string): KnownKernels {
  let known: unknown;
  try {
    known = JSON.parse(text);
  } catch {
    known = undefined;
  }
  if (!isRecord(known) || known.fingerprint !== fingerprint)
    return { choices: new Map(), verdicts: new Map() };
  const entries = (value: unknown) => (isRecord(value) ? Object.entries(value) : []);
  return {
    choices: new Map(entries(known.choices).filter((entry): entry is [string, string] => isText(entry[1]))),
    verdicts: new Map(
      entries(known.verdicts).filter((entry): entry is [string, Verdict] => isVerdict(entry[1])),
    ),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";

const isVerdict = (value: unknown): value is Verdict =>
  isRecord(value) &&
  Array.isArray(value.wrong) &&
  value.wrong.every(isText) &&
  (value.matrix === undefined || isText(value.matrix));

/** FNV-1a, 32 bits. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}
