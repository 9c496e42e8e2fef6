/** `stylize devices`: what there is to compute on. */
import { StylizeError } from "../engine/errors.ts";
import { type AdapterReport, listAdapters, NO_ADAPTER } from "../engine/node.ts";
import type { DevicesArguments } from "./arguments.ts";
import type { Output } from "./io.ts";
import { rows } from "./rows.ts";

/** Throws `no-adapter` where there is none. */
export async function devicesCommand({ json }: DevicesArguments, out: Output): Promise<void> {
  const reports = await listAdapters();
  if (reports.length === 0) {
    throw new StylizeError("no-adapter", NO_ADAPTER);
  }
  for (const report of reports) out.write(json ? `${JSON.stringify(report)}\n` : describe(report));
}

function describe({ name, vendor, architecture, family, features, limits }: AdapterReport): string {
  return rows(name, [
    ["kernels", family],
    ["vendor", [vendor, architecture].filter(Boolean).join(" ") || "unknown"],
    ["features", features.join(", ")],
    ...Object.entries(limits).map(([limit, value]) => [limit, String(value)] as const),
  ]);
}
