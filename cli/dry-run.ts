/** What `--dry-run` tells: what would be done, and how much device memory that takes. */
import { basename } from "node:path";
import type { RunMemory, ScaleMemory } from "../engine/dry-run.ts";
import type { Size } from "../engine/picture.ts";
import type { StylizeArguments } from "./arguments.ts";
import type { Output } from "./io.ts";
import type { Plan } from "./progress.ts";
import { rows } from "./rows.ts";

/** `content`: the picture in the file. */
export function tellPlan(
  plan: Omit<Plan, "scales"> & RunMemory,
  args: StylizeArguments,
  { width, height }: Size,
  out: Output,
): void {
  const content = { width, height };
  const last = plan.scales.at(-1)!;
  const bytesPerPixel = plan.peakBytes / (last.width * last.height);
  if (args.report === "json")
    out.write(`${JSON.stringify({ event: "plan", ...plan, content, bytesPerPixel })}\n`);
  if (args.report !== "people") return;
  out.write(
    rows("Dry run: nothing was computed or written.", [
      ["adapter", `${plan.adapter}, ${plan.family} kernels in ${plan.precision}`],
      ["network", plan.network],
      ["content", `${basename(args.content)}, ${pixels(content)}`],
      ...last.styles.map(
        (size, i) => ["style", `${basename(args.styles[i]!)}, looked at as ${pixels(size)}`] as const,
      ),
      ["result", `${args.output}, ${pixels(last)}`],
    ]),
  );
  out.write("Device memory in MB\n");
  out.write(row("scale", "steps", "weights", "maps", "optimizer", "copies", "at most"));
  for (const scale of plan.scales) out.write(describeScale(scale));
  const isLoading = plan.scales.every(({ peakBytes }) => peakBytes < plan.peakBytes);
  const when = isLoading ? " while the network is loaded" : "";
  out.write(`At most ${megabytes(plan.peakBytes)} MB${when}, ${bytesPerPixel.toFixed(0)} MB a megapixel.\n`);
}

function describeScale(scale: ScaleMemory): string {
  const { weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes } = scale;
  const parts = [weightsBytes, mapsBytes, optimizerBytes, copiesBytes, peakBytes];
  return row(pixels(scale), String(scale.steps), ...parts.map(megabytes));
}

const pixels = ({ width, height }: Size): string => `${width}x${height}`;

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

const row = (scale: string, ...columns: readonly string[]): string =>
  `  ${scale.padEnd(11)}${columns.map((column) => column.padStart(10)).join("")}\n`;
