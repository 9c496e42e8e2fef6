/**
 * `npm run bench -- --gpu-report`: what somebody with a GPU can send, as Markdown to read and JSON to compute with.
 *
 * A part that fails leaves the others alone, and both files are written whenever there is more to write.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { BenchOptions } from "../options.ts";
import { messageOf, say } from "../processes.ts";
import { markdownOf } from "./markdown.ts";
import { describeAll, type Keep, type Part, type PartOf, partsOf } from "./parts.ts";
import { type Plan, planOf } from "./plan.ts";
import { type Personal, personalOf, scrubbed, scrubbedJson } from "./private.ts";
import type { GpuReport, MachineDetails, PartName, PartRecord, PartRecords } from "./report.ts";

export interface Files {
  readonly markdown: string;
  readonly json: string;
}

/** Of --out: a name with an ending is a file's, else a folder's. */
export function filesOf(out: string, date: Date): Files {
  const [, stem] = /^(.*)\.(?:md|json)$/.exec(out) ?? [];
  const base = stem ?? join(out, `stylize-gpu-report-${date.toISOString().slice(0, 10)}`);
  return { markdown: resolve(`${base}.md`), json: resolve(`${base}.json`) };
}

export async function reportGpu(options: BenchOptions): Promise<void> {
  const date = new Date();
  const files = filesOf(options.out ?? ".", date);
  const began = performance.now();
  let machine: PartRecord<"machine">;
  try {
    const result = await describeAll(options);
    machine = { result, seconds: since(began) };
    introduce(result);
  } catch (error) {
    machine = { problem: messageOf(error), seconds: since(began) };
    say(`what this machine is could not be found out: ${messageOf(error)}`);
  }
  const plan = planOf(options, machine.result?.adapter);
  const parts = partsOf(plan, options);
  sayHowLong(parts, plan);
  const write = writer(files, personalOf(), (records) => ({
    kind: "gpu-report",
    date: date.toISOString(),
    isQuick: plan.isQuick,
    parts: records,
  }));
  await runParts(parts, { machine }, write);
  say(`all done, in ${Math.round(since(began) / 60)} min. Please read the first of these, then send both:`);
  say(`  ${files.markdown} (the text of an issue)`);
  say(`  ${files.json} (all figures, to be attached)`);
  say(
    `Where to: ${issuesOf(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")))}`,
  );
}

/** Where issues are filed, as a package's manifest tells it. */
export function issuesOf(manifest: {
  readonly bugs?: string | { readonly url?: string };
  readonly repository?: string | { readonly url?: string };
}): string {
  const urlOf = (value: string | { readonly url?: string } | undefined) =>
    typeof value === "string" ? value : value?.url;
  const repository = urlOf(manifest.repository)?.replace(/^git\+|\.git$/g, "");
  const issues = urlOf(manifest.bugs) ?? (repository && `${repository}/issues`);
  return issues ?? "an issue of the repository that this clone comes from (template: GPU report)";
}

const since = (began: number): number => (performance.now() - began) / 1e3;

function introduce({ adapter }: MachineDetails): void {
  say(`adapter: ${adapter.name}`);
  if (!adapter.isSoftware) return;
  say("this is no GPU but a processor that plays one: the report is a short one, and none to send.");
  say("--device chooses another adapter; these are here:");
  for (const name of adapter.all) say(`  ${name}`);
}

function sayHowLong(parts: readonly Part[], { isQuick }: Plan): void {
  say(
    isQuick
      ? "a quick report: about a minute"
      : "about twenty minutes on a GPU; leave the machine alone meanwhile. Ctrl+C ends it, and keeps what there is.",
  );
  const left = parts.filter(({ leftOut }) => leftOut !== undefined);
  if (left.length > 0) say(`without: ${left.map(({ title }) => title).join(", ")}`);
}

/** Writes what there is, in a whole or not at all. */
export type Write = (records: PartRecords) => void;

function writer(files: Files, personal: Personal, reportOf: (records: PartRecords) => GpuReport): Write {
  mkdirSync(dirname(files.markdown), { recursive: true });
  return (records) => {
    const report = reportOf(records);
    replace(files.markdown, scrubbed(markdownOf(report), personal));
    replace(files.json, scrubbedJson(report, personal));
  };
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** Milliseconds between two writes within a part. */
const WRITTEN_MS = 2000;

/** Runs `parts` one after the other; each adds to `records`, which are written after each, and in between. */
export async function runParts(
  parts: readonly Part[],
  records: PartRecords,
  write: Write,
): Promise<PartRecords> {
  let all = records;
  write(all);
  const run = parts.filter(({ leftOut }) => leftOut === undefined);
  for (const part of parts) {
    const place = run.indexOf(part) + 1;
    if (place > 0) say(`${place} of ${run.length}: ${part.title} (${part.about})`);
    all = await runPart(part as PartOf<PartName>, all, write);
    write(all);
  }
  return all;
}

async function runPart<Name extends PartName>(
  { name, leftOut, run }: PartOf<Name>,
  before: PartRecords,
  write: Write,
): Promise<PartRecords> {
  const began = performance.now();
  let record: PartRecord<Name> = { seconds: 0 };
  let written = began;
  const ended = (): PartRecord<Name> => {
    const { isUnfinished, ...rest } = record;
    return { ...rest, seconds: since(began) };
  };
  const withThis = (): PartRecords => ({ ...before, [name]: record });
  if (leftOut !== undefined) {
    record = { problem: leftOut, isLeftOut: true, seconds: 0 };
    return withThis();
  }
  const keep: Keep<Name> = (result) => {
    record = { result, isUnfinished: true, seconds: since(began) };
    if (performance.now() - written < WRITTEN_MS) return;
    write(withThis());
    written = performance.now();
  };
  try {
    await run(keep);
    record = ended();
  } catch (error) {
    const problem = messageOf(error);
    say(`  failed: ${problem}`);
    record = { ...ended(), problem };
  }
  return withThis();
}
