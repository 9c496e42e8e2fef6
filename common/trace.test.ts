import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { isTrace } from "./trace.ts";

const module = new URL("trace.ts", import.meta.url).href;
const program = `
  import { tracer } from ${JSON.stringify(module)};
  const [one, another] = ["stores:one", "worker:another"].map(tracer);
  one(() => (process.stdout.write("made "), "100 %s of it"));
  another(() => (process.stdout.write("made too"), "more"));
`;

function run(names?: string) {
  const args = ["--import", import.meta.resolve("tsx"), "--input-type", "module", "--eval", program];
  const { DEBUG: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...env, ...(names === undefined ? {} : { DEBUG: names }) },
  });
  return { stdout, lines: stderr.split("\n").filter(Boolean) };
}

it("neither makes nor writes a line that nobody asked for", () => {
  expect(run()).toEqual({ stdout: "", lines: [] });
  expect(run("socket.io*")).toEqual({ stdout: "", lines: [] });
});

it("writes the lines of the parts that DEBUG names", () => {
  const { stdout, lines } = run("stylize:stores:*");
  expect(stdout).toBe("made ");
  expect(lines).toEqual([expect.stringMatching(/^\S+ stylize:stores:one 100 %s of it$/)]);
  expect(lines.every(isTrace)).toBe(true);
  expect(run("stylize:*").lines).toHaveLength(2);
  expect(isTrace('{"level":30,"msg":"job done"}')).toBe(false);
});
