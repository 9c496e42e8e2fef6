/**
 * `npx tsx .aws/picture.ts`: draws docs/aws.svg, the architecture, from the templates.
 *
 * Places and words are given here. That a box is in its stack, what it is and how many there are comes from the
 * templates, and so does each arrow: there must be references from one end to the other, or from a third resource to
 * both, by way of resources that are not drawn.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { referencesOfValue } from "./tests/references.ts";
import { countOf, readTemplate, type Template, type Value } from "./tests/templates.ts";

interface Box {
  readonly title: string;
  /** Logical id in the template of its stack. */
  readonly id: string;
  readonly stack: string;
  readonly x: number;
  readonly y: number;
  readonly width?: number;
}

const HEIGHT = 52;
const WIDTH = 170;

const frames = [
  { stack: "edge", x: 150, y: 34, width: 200, height: 288 },
  { stack: "service", x: 400, y: 200, width: 200, height: 122 },
  { stack: "data", x: 650, y: 34, width: 200, height: 470 },
  { stack: "compute", x: 905, y: 34, width: 260, height: 382 },
] as const;

const boxes = {
  distribution: { title: "CloudFront", stack: "edge", id: "Distribution", x: 165, y: 70 },
  loadBalancer: { title: "Load balancer, internal", stack: "edge", id: "LoadBalancer", x: 165, y: 250 },
  gateways: { title: "Gateways", stack: "service", id: "Service", x: 415, y: 250 },
  bucket: { title: "Pictures", stack: "data", id: "Bucket", x: 665, y: 70 },
  secrets: { title: "Keys", stack: "data", id: "TokenSecret", x: 665, y: 160 },
  redis: { title: "Job records", stack: "data", id: "Redis", x: 665, y: 250 },
  news: { title: "News of workers", stack: "data", id: "NewsQueue", x: 665, y: 350 },
  dead: { title: "What nobody could read", stack: "data", id: "DeadLetterQueue", x: 665, y: 440 },
  worker: { title: "Worker", stack: "compute", id: "JobDefinition", x: 920, y: 70, width: 230 },
  queue: { title: "Jobs", stack: "compute", id: "JobQueue", x: 920, y: 160, width: 230 },
  spot: { title: "GPUs on Spot", stack: "compute", id: "SpotEnvironment", x: 920, y: 250, width: 110 },
  onDemand: {
    title: "GPUs, full price",
    stack: "compute",
    id: "OnDemandEnvironment",
    x: 1040,
    y: 250,
    width: 110,
  },
  failed: { title: "Failed jobs", stack: "compute", id: "JobFailedRule", x: 920, y: 350, width: 230 },
} as const satisfies Record<string, Box>;
type BoxName = keyof typeof boxes;

interface Arrow {
  readonly from: BoxName;
  readonly to: BoxName;
  /** Corners, "x,y x,y". */
  readonly path: string;
  readonly label?: { readonly text: string; readonly x: number; readonly y: number };
}

const arrows: readonly Arrow[] = [
  {
    from: "distribution",
    to: "loadBalancer",
    path: "250,122 250,250",
    label: { text: "pages, websockets", x: 196, y: 190 },
  },
  {
    from: "distribution",
    to: "bucket",
    path: "335,90 665,90",
    label: { text: "public/* and style/*", x: 440, y: 82 },
  },
  { from: "loadBalancer", to: "gateways", path: "335,276 415,276" },
  { from: "gateways", to: "redis", path: "585,276 665,276" },
  {
    from: "gateways",
    to: "bucket",
    path: "500,250 500,112 665,112",
    label: { text: "pictures, signed addresses", x: 440, y: 150 },
  },
  { from: "secrets", to: "gateways", path: "665,186 560,186 560,250" },
  {
    from: "news",
    to: "gateways",
    path: "665,376 470,376 470,302",
    label: { text: "progress, results", x: 482, y: 368 },
  },
  {
    from: "gateways",
    to: "queue",
    path: "540,302 540,332 888,332 888,186 920,186",
    label: { text: "jobs", x: 612, y: 327 },
  },
  { from: "queue", to: "worker", path: "1035,160 1035,122" },
  { from: "queue", to: "spot", path: "975,212 975,250", label: { text: "first", x: 940, y: 236 } },
  { from: "queue", to: "onDemand", path: "1095,212 1095,250", label: { text: "then", x: 1102, y: 236 } },
  { from: "queue", to: "failed", path: "1035,212 1035,350" },
  { from: "worker", to: "bucket", path: "920,90 835,90" },
  { from: "worker", to: "news", path: "920,110 868,110 868,366 835,366" },
  { from: "failed", to: "news", path: "920,386 835,386" },
  { from: "news", to: "dead", path: "750,402 750,440", label: { text: "after five tries", x: 762, y: 426 } },
];

// -- what the templates say

const stacks = ["network", "data", "edge", "compute", "service", "alarms"] as const;
const templates = Object.fromEntries(stacks.map((name) => [name, readTemplate(`${name}.yaml`)])) as Record<
  string,
  Template
>;

/** Names that a value refers to: of resources and parameters, or `Stack.Outputs.Name`. */
function referencesIn(value: Value): string[] {
  return referencesOfValue(value).flatMap((reference) => {
    if (reference.kind === "ref") return [reference.name];
    return reference.kind === "attribute" ? [`${reference.name}.${reference.attribute}`] : [];
  });
}

/**
 * `stack/Id` of what a name in a stack stands for; parameters are followed through root.yaml to the output of another
 * stack.
 */
function resolved(stack: string, name: string): string[] {
  const [id = ""] = name.split(".");
  const { Resources, Parameters } = templates[stack]!;
  if (Resources[id]) return [`${stack}/${id}`];
  if (!Parameters[id]) return [];
  const given = root.Resources[stackId(stack)]!.Properties.Parameters as Record<string, Value>;
  return referencesIn(given[id] ?? null).flatMap((reference) => {
    const [other = "", , output = ""] = reference.split(".");
    const target = templates[other.toLowerCase()]?.Outputs[output];
    return target === undefined
      ? []
      : referencesIn(target.Value).flatMap((inner) => resolved(other.toLowerCase(), inner));
  });
}

const stackId = (stack: string) => `${stack[0]!.toUpperCase()}${stack.slice(1)}`;
const root = readTemplate("root.yaml");
const references = new Map<string, readonly string[]>();
for (const stack of stacks)
  for (const [id, { Properties = {} }] of Object.entries(templates[stack]!.Resources))
    references.set(
      `${stack}/${id}`,
      referencesIn(Properties).flatMap((name) => resolved(stack, name)),
    );

const placeOf = ({ stack, id }: Box) => `${stack}/${id}`;
const drawn = new Set(Object.values(boxes).map(placeOf));

/** Everything that a resource refers to, by way of what is not drawn. */
function reach(from: string, found = new Set<string>()): Set<string> {
  for (const next of references.get(from) ?? []) {
    if (found.has(next)) continue;
    found.add(next);
    if (!drawn.has(next)) reach(next, found);
  }
  return found;
}

/** Throws where the templates have no such connection. */
function checkArrow({ from, to }: Arrow): void {
  const [a, b] = [placeOf(boxes[from]), placeOf(boxes[to])];
  const isDirect = reach(a).has(b) || reach(b).has(a);
  const isJoined = [...references.keys()].some(
    (third) => !drawn.has(third) && reach(third).has(a) && reach(third).has(b),
  );
  if (!isDirect && !isJoined)
    throw new Error(`Expected references between ${a} and ${b} but the templates have none.`);
}

// -- drawing

const xml = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function drawBox({ title, stack, id, x, y, width = WIDTH }: Box): string {
  const resource = templates[stack]!.Resources[id];
  if (resource === undefined) throw new Error(`Expected ${id} in ${stack}.yaml but there is none.`);
  const [, service = "", kind = ""] = resource.Type.split("::");
  const kindInWords = kind.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  const words = `${service.replace("ElasticLoadBalancingV2", "ELB")} ${kindInWords}`;
  const small = width < 150 ? service : words;
  const middle = x + width / 2;
  return `<g><rect class="box" x="${x}" y="${y}" width="${width}" height="${HEIGHT}" rx="6"/>
    ${textAt("title", middle, y + 22, title)}${textAt("type", middle, y + 40, small)}</g>`;
}

function textAt(kind: string, x: number, y: number, text: string): string {
  return `<text class="${kind}" x="${x}" y="${y}">${xml(text)}</text>`;
}

type Area = Record<"x" | "y" | "width" | "height", number>;

function drawFrame({ x, y, width, height }: Area): string {
  return `<rect class="frame" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`;
}

function drawArrow(arrow: Arrow): string {
  checkArrow(arrow);
  const { label } = arrow;
  const text = label === undefined ? "" : textAt("label", label.x, label.y, label.text);
  return `<polyline class="arrow" points="${arrow.path}"/>${text}`;
}

/** A stack in one line: what it has, in words. */
function drawStrip(stack: string, text: string, x: number, y: number, width: number): string {
  return `${drawFrame({ x, y, width, height: 46 })}${textAt("stack", x + 14, y + 19, stack)}
    ${textAt("strip", x + 14, y + 36, text)}`;
}

export function picture(): string {
  const endpoints = countOf("network.yaml", "AWS::EC2::VPCEndpoint") - 1;
  const alarms = countOf("alarms.yaml", "AWS::CloudWatch::Alarm");
  const repositories = countOf("registry.yaml", "AWS::ECR::Repository");
  const strips = [
    drawStrip(
      "network",
      `VPC, private subnets in two zones; ${endpoints} endpoints of AWS or a NAT gateway; flow log`,
      16,
      524,
      560,
    ),
    drawStrip("alarms", `${alarms} alarms, dashboard and budget, told by e-mail`, 592, 524, 310),
    drawStrip("registry", `${repositories} image repositories, templates`, 918, 524, 247),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1181 586" role="img" aria-labelledby="title">
<title id="title">The service on AWS: what each stack has, and what talks to what</title>
<style>
  svg { --ink: #24292f; --soft: #57606a; --line: #8c959f; --paper: #ffffff; --box: #f6f8fa; --accent: #0a5cad;
    background: var(--paper); }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9ea7b3; --line: #6e7681; --paper: #0d1117; --box: #161b22; --accent: #79b8ff; }
  }
  text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
  .title { font-weight: 600; text-anchor: middle; } .type { fill: var(--soft); font-size: 11px; text-anchor: middle; }
  .stack { fill: var(--accent); font-size: 12px; font-weight: 600; }
  .label { fill: var(--soft); font-size: 11px; stroke: var(--paper); stroke-width: 4px; paint-order: stroke; }
  .strip { font-size: 12px; } .box { fill: var(--box); stroke: var(--line); }
  .frame { fill: none; stroke: var(--accent); stroke-dasharray: 5 4; opacity: 0.8; }
  .arrow { fill: none; stroke: var(--soft); stroke-width: 1.5; marker-end: url(#head); } .head { fill: var(--soft); }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="head" d="M0 0.5 8 4 0 7.5z"/></marker></defs>
${frames.map((frame) => drawFrame(frame) + textAt("stack", frame.x + 14, frame.y + 22, frame.stack)).join("\n")}
<rect class="box" x="16" y="70" width="86" height="${HEIGHT}" rx="6"/><text class="title" x="59" y="101">Browser</text>
<polyline class="arrow" points="102,96 165,96"/>
${arrows.map(drawArrow).join("\n")}
${Object.values(boxes).map(drawBox).join("\n")}
${strips.join("\n")}
</svg>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL("../docs/aws.svg", import.meta.url), picture());
