/** Seconds per step by engine, network and size: a dot each, on one logarithmic axis. */
import type { Machine } from "../machine.ts";
import { type AdapterReport, type StepsReport, sum } from "../report.ts";
import { agrees, digits, isSameTask, vectorBits } from "../tables.ts";
import { type NetworkName, networkOf } from "../task.ts";
import { document, dot, line, logAxis, MARGIN, text } from "./svg.ts";

const WIDTH = 900;
const PLOT_LEFT = 330;
const PLOT_RIGHT = WIDTH - 100;
const HEAD = 122;
const ROW = 24;
/** Above and below the rows of a size. */
const ABOVE = 34;
const BELOW = 14;
const FOOT = 52;

interface Row {
  readonly engine: string;
  readonly seconds: number;
  readonly isOurs: boolean;
}

interface Panel {
  readonly network: NetworkName;
  readonly size: number;
  /** The fastest first. */
  readonly rows: readonly Row[];
}

/** Files of before reports had a kind are drawn as well. */
export type DrawnSteps = Pick<StepsReport, "date" | "machine" | "measurements" | "peers">;

/** Peers that found another loss or gradient are left out, as are those that failed. */
export function panelsOf({ measurements, peers }: DrawnSteps): Panel[] {
  return measurements.flatMap((ours) => {
    const { size, wall } = ours;
    if (!wall) return [];
    const rows = peers.flatMap((peer): Row[] =>
      !isSameTask(peer, ours) || "problem" in peer || !agrees(ours, peer)
        ? []
        : [{ engine: peer.engine, seconds: peer.wall.median / 1e3, isOurs: false }],
    );
    rows.push({ engine: "stylize", seconds: wall.median / 1e3, isOurs: true });
    return [{ network: networkOf(ours), size, rows: rows.sort((a, b) => a.seconds - b.seconds) }];
  });
}

export function stepsChart(report: DrawnSteps): string {
  const panels = panelsOf(report);
  if (panels.length === 0) throw new Error("Expected timed steps to draw but received none.");
  const seconds = panels.flatMap(({ rows }) => rows.map((row) => row.seconds));
  const axis = logAxis(seconds, PLOT_LEFT, PLOT_RIGHT);
  const heights = panels.map(({ rows }) => ABOVE + ROW * rows.length + BELOW);
  const bottom = HEAD + sum(heights);
  const grid = axis.ticks.flatMap((tick) => [
    line(axis.at(tick), HEAD, axis.at(tick), bottom, "grid"),
    text(axis.at(tick), bottom + 18, `${tick} s`, "tick", "middle"),
  ]);
  let top = HEAD;
  const drawn = panels.map((panel, i) => {
    const parts = drawPanel(panel, top, axis.at);
    top += heights[i]!;
    return parts;
  });
  const title = "Seconds per step, by engine, network and size of the picture";
  const notes = [
    ...whereOf(report.machine, report.measurements[0]!.adapter, report.date),
    "stylize: whole steps, optimiser included; the others: loss and gradient alone.",
  ];
  const parts = [
    ...grid,
    ...drawn,
    text((PLOT_LEFT + PLOT_RIGHT) / 2, bottom + 40, "seconds, logarithmic; left is faster", "note", "middle"),
  ];
  return document(WIDTH, bottom + FOOT, { title, notes }, parts.flat());
}

function drawPanel({ network, size, rows }: Panel, top: number, at: (seconds: number) => number): string[] {
  const heading = text(MARGIN, top + ABOVE - 12, `${network}, ${size} x ${size} pixels`, "heading");
  const marks = rows.flatMap(({ engine, seconds, isOurs }, i) => {
    const y = top + ABOVE + ROW * (i + 0.5);
    const role = isOurs ? "ours" : "other";
    return [
      text(PLOT_LEFT - 14, y + 4, engine, isOurs ? role : "name", "end"),
      line(PLOT_LEFT, y, at(seconds), y, isOurs ? "ours-stem" : "stem"),
      dot(at(seconds), y, 6, role),
      text(at(seconds) + 12, y + 4, `${digits(seconds)} s`, isOurs ? role : "value"),
    ];
  });
  return [heading, ...marks];
}

/** Machine, adapter and day: two lines. */
export function whereOf(machine: Machine, adapter: AdapterReport, date: string): string[] {
  const bits = vectorBits(adapter);
  const { processor, cores, node, nvidia } = machine;
  return [
    `${adapter.name}${bits ? `, ${bits}-bit vectors` : ""}${nvidia ? ` (${nvidia})` : ""}`,
    `${processor}, ${cores} cores, Node ${node}, ${date.slice(0, 10)}`,
  ];
}
