/**
 * As much of SVG as charts need, and their axes. Text is text, colours follow the reader's light or dark theme. By
 * hand, since a library for charts would be larger than the benchmark.
 */

type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, content = ""): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(rounded(value))}"`);
  return `<${name}${pairs.join("")}${content === "" ? "/>" : `>${content}</${name}>`}`;
}

/** `role` is a class of the style below; `anchor` tells which end of the text is at x. */
export function text(
  x: number,
  y: number,
  content: string,
  role: string,
  anchor: "start" | "middle" | "end" = "start",
): string {
  const attributes = { x, y, class: role, ...(anchor !== "start" && { "text-anchor": anchor }) };
  return element("text", attributes, escaped(content));
}

export function line(x1: number, y1: number, x2: number, y2: number, role: string): string {
  return element("line", { x1, y1, x2, y2, class: role });
}

export function dot(cx: number, cy: number, r: number, role: string): string {
  return element("circle", { cx, cy, r, class: role });
}

export function path(points: readonly (readonly [number, number])[], role: string): string {
  const d = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${rounded(x)} ${rounded(y)}`).join("");
  return element("path", { d, class: role });
}

/** Left of titles and headings. */
export const MARGIN = 28;

/** What stands above all parts; `title` is what screen readers say, too. */
export interface Head {
  readonly title: string;
  /** A line each, below the title. */
  readonly notes: readonly string[];
}

/** The whole file. */
export function document(
  width: number,
  height: number,
  { title, notes }: Head,
  parts: readonly string[],
): string {
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": title,
  };
  const background = element("rect", { width, height, class: "background" });
  const head = [
    text(MARGIN, 38, title, "title"),
    ...notes.map((note, i) => text(MARGIN, 62 + 18 * i, note, "note")),
  ];
  return `${element("svg", attributes, `\n${[style, background, ...head, ...parts].join("\n")}\n`)}\n`;
}

export function escaped(value: string | number): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return String(value).replace(/[&<>"]/g, (character) => entities[character]!);
}

const rounded = (value: string | number) =>
  typeof value === "number" ? Math.round(value * 100) / 100 : value;

const style = element(
  "style",
  {},
  `
text { font: 13px sans-serif; fill: #1f2328; }
.title { font-size: 19px; font-weight: bold; }
.heading { font-size: 14px; font-weight: bold; }
.note, .tick { fill: #59636e; font-size: 12px; }
.background { fill: #ffffff; }
.ours { fill: #0860ca; } text.ours { font-weight: bold; }
.other { fill: #818b98; }
.best { fill: #1a7f37; } text.best { font-weight: bold; }
line, path { fill: none; stroke: #d1d9e0; stroke-width: 1; }
line.stem { stroke-width: 2; stroke: #d1d9e0; } line.ours-stem { stroke-width: 2; stroke: #0860ca; opacity: 0.45; }
path { stroke-width: 2; stroke-linejoin: round; } path.ours { fill: none; stroke: #0860ca; }
path.other { fill: none; stroke: #818b98; } path.best { fill: none; stroke: #1a7f37; }
path.early { stroke-dasharray: 4 4; } line.target { stroke: #59636e; stroke-dasharray: 2 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; } .note, .tick { fill: #9198a1; } .background { fill: #0d1117; }
  .ours { fill: #58a6ff; } .other { fill: #8b949e; } .best { fill: #3fb950; }
  line, line.stem { stroke: #30363d; } line.ours-stem, path.ours { stroke: #58a6ff; }
  path.other { stroke: #8b949e; } path.best { stroke: #3fb950; } line.target { stroke: #9198a1; }
}
`,
);

export interface Axis {
  /** Where a value lies, in pixels. */
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/**
 * A logarithmic axis over `values`, from a tick to a tick; ticks at 1, 2 and 5 of each decade, or at 1 if they would be
 * many.
 */
export function logAxis(values: readonly number[], from: number, to: number): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const decades = Math.log10(most / least);
  const steps = decades > 2.5 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const all: number[] = [];
  for (let decade = Math.floor(Math.log10(least)) - 1; decade <= Math.ceil(Math.log10(most)) + 1; decade++) {
    all.push(...steps.map((step) => Number(`${step}e${decade}`)));
  }
  const first = all.findLast((tick) => tick <= least)!;
  const last = all.find((tick) => tick >= most && tick > first)!;
  const at = (value: number) => from + ((to - from) * Math.log(value / first)) / Math.log(last / first);
  return { at, ticks: all.filter((tick) => tick >= first && tick <= last) };
}

/** A linear axis from 0 to a round number at or above `most`, with some five ticks. */
export function linearAxis(most: number, from: number, to: number): Axis {
  const unit = 10 ** Math.floor(Math.log10(most / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => most / size <= 6)!;
  const count = Math.ceil(most / step);
  const at = (value: number) => from + ((to - from) * value) / (count * step);
  return { at, ticks: Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6))) };
}
