/** Where the time of an evaluation goes. */
import type { Program, Timing } from "../engine/gpu/program.ts";
import type { Profile, ProfileEntry } from "./report.ts";
import { sum } from "./work.ts";

/** Profiles made, after one that tells how long they take; the fastest counts. */
const PROFILES = 3;

/**
 * By the engine's own profile, which gives each dispatch a pass of its own and so takes a little longer than a step.
 */
export async function profileOf(program: Program): Promise<Profile> {
  let best = summary(await program.profile());
  for (let i = 0; i < PROFILES; i++) {
    const next = summary(await program.profile(best.total));
    if (next.total < best.total) best = next;
  }
  return best;
}

/** Sums timings by kernel and by layer; the copies of a layer count as the layer's, and "idle" is what lies between. */
export function summary(timings: readonly Timing[]): Profile {
  return {
    total: sum(timings.map(({ ms }) => ms)),
    kernels: grouped(timings, ({ kernel }) => kernel),
    layers: grouped(timings, ({ tag }) => tag.replace(/ copy$/, "")),
  };
}

function grouped(timings: readonly Timing[], nameOf: (timing: Timing) => string): ProfileEntry[] {
  const entries = new Map<string, ProfileEntry>();
  for (const timing of timings) {
    const name = nameOf(timing);
    const { count, ms } = entries.get(name) ?? { count: 0, ms: 0 };
    entries.set(name, { name, count: count + 1, ms: ms + timing.ms });
  }
  return [...entries.values()].sort((a, b) => b.ms - a.ms);
}
