/** Markdown of a comparison with an earlier commit. */
import type { AgainstReport } from "../report.ts";
import { spreadOf } from "../statistics.ts";
import { digits, table } from "../tables.ts";

/** Medians of all rounds, and the ratio of each round: turns of one round ran side by side. */
export function againstTable({
  against,
  comparisons,
}: Pick<AgainstReport, "against" | "comparisons">): string {
  const median = (values: readonly number[]) => spreadOf(values)!.median;
  const seconds = (ms: readonly number[]) => digits(median(ms) / 1e3);
  const rows = comparisons.map(({ size, what, network, earlierNetwork, now, earlier }) => {
    const ratios = now.map((ms, round) => ms / earlier[round]!);
    const each = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
    const sides = [network, seconds(now), earlierNetwork, seconds(earlier)];
    return [what, size ?? "-", ...sides, median(ratios).toFixed(3), each];
  });
  const head = [
    ...["", "size", "network now", "s", `network of ${against}`, "s"],
    ...["now / earlier, median", "each round"],
  ];
  return `## Against ${against}\n\n${table(head, rows)}`;
}
