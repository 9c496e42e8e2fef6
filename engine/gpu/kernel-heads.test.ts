/** What kernels and the files they share say of themselves, held against the files that there are. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseBindings, parseParams } from "./wgsl.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");
const filesIn = (folder: string, end: string) =>
  readdirSync(`${root}${folder}`)
    .filter((name) => name.endsWith(end))
    .map((name) => `${folder}/${name}`);
const kernels = filesIn("shaders", ".wgsl");
const shared = filesIn("shaders/lib", ".wgsl");
const generators = [...filesIn("engine/ops/cpu", "-shader.ts"), ...filesIn("engine/ops/cpu", "-shaders.ts")];

/** The first comment of a file as one line. */
const headOf = (text: string): string => {
  const [head] = /^(\/\/[^\n]*\n)+|^\/\*\*.*?\*\//s.exec(text) ?? [""];
  return head.replaceAll(/^(\/\/| \*\/?|\/\*\*)/gm, "").replaceAll(/\s+/g, " ");
};

interface Head {
  /** Functions of the file `reference`; none where the kernel computes nothing that wants one. */
  readonly functions: readonly string[];
  readonly reference: string | undefined;
  readonly recorder: string;
  readonly test: string;
}

function parseHead(text: string): Head {
  const end = /Reference: (?:none, [^.]+|([\w, ]+) in (\S+))\. Recorder: (\S+)\. Test: (\S+)\. ?$/;
  const match = end.exec(headOf(text));
  if (!match) throw new Error(`Expected a head that ends with reference, recorder and test.`);
  const [, functions, reference, recorder, test] = match;
  return { functions: functions?.split(", ") ?? [], reference, recorder: recorder!, test: test! };
}

describe.each([...kernels, ...generators])("%s", (path) => {
  const text = read(path);

  test("names its reference, its recorder and its test", () => {
    const { functions, reference, recorder, test } = parseHead(text);
    const declared = reference ? read(reference) : "";
    for (const name of functions)
      expect(declared).toMatch(new RegExp(`^export (function|const) ${name}\\b`, "m"));
    const name = /([\w-]+)\.\w+$/.exec(path)![1]!;
    expect(read(recorder)).toContain(path.endsWith(".ts") ? `"./${name}.ts"` : `"${name}"`);
    expect(test).toMatch(/\.test\.ts$/);
    expect(existsSync(`${root}${test}`), test).toBe(true);
  });
});

test.each(kernels)("%s declares bindings with numbers from 0 on, the uniform last", (path) => {
  const bindings = parseBindings(read(path));
  expect(bindings.map(({ binding }) => binding)).toEqual([...bindings.keys()]);
  const uniforms = bindings.filter(({ kind }) => kind === "uniform").map(({ name }) => name);
  expect(uniforms).toEqual(["params"]);
  expect(bindings.at(-1)?.name).toBe("params");
});

test.each(shared)("%s declares no bindings and no parameters", (path) => {
  expect(read(path)).not.toMatch(/@group|@binding/);
  expect(parseParams(read(path))).toEqual([]);
});

test.each(shared)("%s tells what of the kernel's own it uses", (path) => {
  const lines = read(path).split("\n");
  const isComment = (line: string) => line.startsWith("//");
  const comments = lines
    .filter(isComment)
    .join(" ")
    .replaceAll(/ \/\/ /g, " ");
  const code = lines.filter((line) => !isComment(line)).join("\n");
  const told = [...comments.matchAll(/Of the kernel: ((?:[\w.]+, )*[\w.]+)\.(?: |$)/g)];
  const names = told.flatMap(([, list]) => list!.split(", "));
  for (const name of names) expect(code).toMatch(new RegExp(`\\b${name}\\b`));
  expect(names).toEqual(expect.arrayContaining(code.match(/\bparams\.\w+/g) ?? []));
});

test("no line of a kernel or of what writes and records them is longer than 120 columns", () => {
  const sources = readdirSync(`${root}engine/ops`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => `engine/ops/${path}`);
  for (const path of [...kernels, ...shared, ...sources]) {
    expect(
      read(path)
        .split("\n")
        .filter((line) => line.length > 120),
      path,
    ).toEqual([]);
  }
});
