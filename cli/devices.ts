/** `stylize devices`: what there is to compute on. */

import { type ListedAdapter, listAdapters } from "../engine/dawn.ts";
import type { DevicesArguments } from "./arguments.ts";
import { jsonLine, type Output, rows } from "./io.ts";

/** Throws `no-adapter` where there is none. */
export async function devicesCommand({ json }: DevicesArguments, out: Output): Promise<void> {
  for (const adapter of await listAdapters()) {
    const { report, ...others } = adapter;
    out.write(json ? jsonLine({ ...others, ...report }) : describe(adapter));
  }
}

function describe({ number, name, report, behind }: ListedAdapter): string {
  const numbered = ["number", String(number)] as const;
  if (report === undefined) {
    const why = behind === undefined ? "Dawn does not give it" : `Dawn gives adapter ${behind} instead`;
    return rows(name, [numbered, ["not to be had", why]]);
  }
  const { driver, vendor, architecture, family, features, limits } = report;
  return rows(name, [
    numbered,
    ["kernels", family],
    ["driver", driver || "unknown"],
    ["vendor", [vendor, architecture].filter(Boolean).join(" ") || "unknown"],
    ["features", features.join(", ")],
    ...Object.entries(limits).map(([limit, value]) => [limit, String(value)] as const),
  ]);
}
