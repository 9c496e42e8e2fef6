/** The report as Markdown: an issue's text, which GitHub cuts off at 65,536 characters. */
import { megabytes } from "../../common/megabytes.ts";
import { constantsText } from "./constants.ts";
import { operationsText, peaksText, selfTestText, suiteText, tuningText } from "./kernel-sections.ts";
import type { GpuReport, MachineDetails, PartName, PartRecord, Results } from "./report.ts";
import { bestStep, jobText, peersText, startsText, stepsText } from "./step-sections.ts";
import { type Detail, folded, inline, type Telling } from "./text.ts";

/** Characters of an issue, less some for what its author writes. */
const MOST = 60_000;

type Sections = { readonly [Name in PartName]: Section<Name> };

interface Section<Name extends PartName> {
  readonly title: string;
  tell(result: Results[Name], telling: Telling): string;
}

const sections: Sections = {
  machine: { title: "Machine and adapter", tell: machineText },
  selfTest: { title: "Self-test", tell: selfTestText },
  operations: { title: "Convolutions against double precision", tell: operationsText },
  suite: { title: "The project's own tests", tell: suiteText },
  peaks: { title: "Peaks", tell: peaksText },
  tuning: { title: "Tuning", tell: tuningText },
  steps: { title: "Steps", tell: stepsText },
  starts: { title: "Starts until the first step is done, seconds", tell: startsText },
  job: { title: "A whole job", tell: jobText },
  peers: { title: "Other engines", tell: peersText },
};

export function markdownOf(report: GpuReport): string {
  const [all, some, least] = ([2, 1, 0] as const).map((detail) => () => told(report, detail));
  return [all!, some!].map((tell) => tell()).find(({ length }) => length <= MOST) ?? least!().slice(0, MOST);
}

function told(report: GpuReport, detail: Detail): string {
  const names = Object.keys(sections) as PartName[];
  const note =
    detail === 2
      ? []
      : ["The longest tables are left out, which would be more than an issue holds; the JSON has them."];
  return `${[head(report), ...note, ...names.map((name) => part(name, { report, detail })), constants(report)]
    .filter((text) => text !== "")
    .join("\n\n")}\n`;
}

function head(report: GpuReport): string {
  const { parts, isQuick, date } = report;
  const { result } = parts.machine ?? {};
  const warning = result?.adapter.isSoftware
    ? ["> **This is no GPU**: a processor plays one. Its figures tell nothing of GPUs."]
    : [];
  const quick = isQuick ? ["> A quick report: a little of each part, too short for good figures."] : [];
  const title = `# GPU report: ${result?.adapter.name ?? "adapter unknown"}`;
  return [
    title,
    ...warning,
    ...quick,
    `${date}, times in ms unless they say otherwise.`,
    summary(report),
  ].join("\n\n");
}

function summary({ parts }: GpuReport): string {
  const { selfTest, operations, steps, suite } = parts;
  const verdicts = (selfTest?.result ?? []).map(({ precision, verdict, problem }) => {
    if (!verdict) return `- self-test, ${precision}: ${problem}`;
    const wrong = verdict.wrong.length > 0 ? `**wrong: ${verdict.wrong.join(", ")}**` : "all methods right";
    return `- self-test, ${precision}: ${wrong}; matrix units: ${verdict.matrix ?? "not used"}`;
  });
  const tests = operations?.result;
  const right = tests?.filter(({ verdict }) => verdict === "right").length;
  const best = bestStep(steps?.result ?? []);
  const failed = (Object.keys(sections) as PartName[]).filter((name) => isFailed(parts[name]));
  return [
    ...verdicts,
    ...(tests ? [`- convolutions against double precision: ${right} of ${tests.length} right`] : []),
    ...(suite?.result
      ? [`- the project's own tests: ${suite.result.failed} failed of ${testsOf(suite.result)}`]
      : []),
    ...(best ? [`- ${best}`] : []),
    ...(failed.length > 0
      ? [`- **parts that failed: ${failed.map((name) => sections[name].title).join(", ")}**`]
      : []),
  ].join("\n");
}

const testsOf = ({ passed, failed }: Results["suite"]) => passed + failed;

const isFailed = (record: PartRecord | undefined) => record?.problem !== undefined && !record.isLeftOut;

function part<Name extends PartName>(name: Name, telling: Telling): string {
  const { title, tell } = sections[name] as Section<Name>;
  const record = telling.report.parts[name] as PartRecord<Name> | undefined;
  if (!record) return `## ${title}\n\nNot reached.`;
  const { problem, result, seconds, isUnfinished } = record;
  const failed = isFailed(record) ? `**This part failed:** ${inline(problem!)}` : inline(problem ?? "");
  const unfinished = isUnfinished ? "**This part had not ended when this was written.**" : "";
  const took = seconds >= 1 ? `(${Math.round(seconds)} s)` : "";
  return [
    `## ${title}`,
    failed,
    unfinished,
    result === undefined ? "" : guarded(() => tell(result, telling)),
    took,
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

function constants(report: GpuReport): string {
  return guarded(() => constantsText(report));
}

/** A section that can't be told is no reason to lose the others. */
function guarded(tell: () => string): string {
  try {
    return tell();
  } catch (error) {
    return `**These figures could not be told:** ${inline(String(error))}`;
  }
}

function machineText({ version, machine, system, adapter }: MachineDetails): string {
  const { processor, cores, memory, node, webgpu, commit, nvidia, load } = machine;
  const { matrixConfigs, listedMatrixConfigs, limits, features, usedFeatures } = adapter;
  const rows: (readonly [string, string])[] = [
    ["stylize", `${version}${commit ? `, commit ${commit}` : ""}`],
    ["Node", node],
    ["webgpu (Dawn)", webgpu],
    ["system", system === machine.system ? system : `${system}, ${machine.system}`],
    [
      "processor",
      `${processor}, ${cores} cores, ${megabytes(memory)}${load === undefined ? "" : `, load ${load.toFixed(1)}`}`,
    ],
    ["adapter", adapter.name],
    ["backend", adapter.backend ?? "unknown"],
    ["vendor, architecture, device", [adapter.vendor, adapter.architecture, adapter.device].join(", ")],
    ["driver", [adapter.description, nvidia].filter(Boolean).join("; ")],
    ["kernels", `family ${adapter.family}`],
    ["subgroups", `${adapter.subgroupMinSize ?? "?"} to ${adapter.subgroupMaxSize ?? "?"}`],
    ["matrix units", `${listedMatrixConfigs.length} configurations, ${matrixConfigs.length} with kernels`],
    ["features in use", usedFeatures.join(", ")],
    ["all adapters", adapter.all.join("; ")],
  ];
  const configs = listedMatrixConfigs.map((config) => Object.values(config).join(" "));
  const longer = [
    `Features of the adapter: ${features.join(", ")}`,
    `Limits: ${Object.entries(limits)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ")}`,
    ...(configs.length > 0
      ? [`Matrix configurations (${Object.keys(listedMatrixConfigs[0]!).join(" ")}): ${configs.join("; ")}`]
      : []),
  ].join("\n\n");
  const list = rows.map(([name, value]) => `- ${name}: ${inline(value)}`).join("\n");
  return `${list}\n\n${folded("features, limits, matrix configurations", longer)}`;
}
