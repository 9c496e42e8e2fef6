/** A copy of the program whose networks are missing or damaged: one sentence, before any work, by the real command. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { compiledPrograms } from "../tests/programs.ts";
import { shippedHere } from "../tests/shipped-here.ts";
import { shippedNetworks } from "../weights/shipped.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** The network that is used when no other is asked for, and another. */
const used = await shippedHere();
const other = shippedNetworks.find((network) => network !== used)!;
let program: string;
let original: Buffer;
const fileIn = (folder: string) => join(folder, "weights", "compact", used.file);

beforeAll(async () => {
  program = await mkdtemp(join(tmpdir(), "stylize-lost-"));
  const parts = [
    "package.json",
    "cli",
    "client",
    "common",
    "engine",
    "pictures",
    "protocol",
    "shaders",
    "weights",
  ];
  for (const part of parts)
    await cp(join(compiledPrograms()!, part), join(program, part), { recursive: true, dereference: true });
  await symlink(join(root, "node_modules"), join(program, "node_modules"));
  await mkdir(join(program, "here"));
  for (const name of ["astronaut.jpg", "auvers.jpg"])
    await cp(join(root, "examples", name), join(program, "here", name));
  original = await readFile(fileIn(root));
});
afterAll(() => rm(program, { recursive: true }));
beforeEach(() => writeFile(fileIn(program), original));

/** The command of the copy, where two pictures lie. */
function run(...argv: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const node = [join(program, "cli", "main.js"), ...argv];
  const env = { ...process.env, STYLIZE_CACHE: join(program, "cache") };
  return new Promise((resolve) => {
    execFile(process.execPath, node, { cwd: join(program, "here"), env }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const paint = ["astronaut.jpg", "--style", "auvers.jpg", "-o", "out.png", "--size", "40", "--min-size", "40"];

const damage = () => writeFile(fileIn(program), original.with(-9, original.at(-9)! ^ 1));
const lose = () => rm(fileIn(program));

describe.each([
  { state: "missing", spoil: lose, status: 3, what: "but it can't be read" },
  { state: "damaged", spoil: damage, status: 5, what: "as it was shipped but the file is damaged" },
])("a network that is $state", { timeout: 120_000 }, ({ spoil, status, what }) => {
  beforeEach(spoil);

  it("is told before any work, whether it was asked for or not", async () => {
    const sentence = `Expected the network '${used.name}' in '${fileIn(program)}' ${what}; install the program again.`;
    const outcome = { status, stdout: "", stderr: `error: ${sentence}\n` };
    expect(await run(...paint, "--weights", used.name, "--device", "abacus")).toEqual(outcome);
    const { stdout, ...tune } = await run("tune", "--weights", used.name, "--json");
    expect(tune).toEqual({ status, stderr: `error: ${sentence}\n` });
    expect(JSON.parse(stdout)).toMatchObject({ event: "error", status, message: sentence });
    const unnamed = await run(...paint); // behind what Dawn says of the adapter
    expect(unnamed).toMatchObject({ status, stdout: "" });
    expect(unnamed.stderr.split("\n").slice(-2)).toEqual([`error: ${sentence}`, ""]);
  });

  it("is told by who is to fetch it, and others are used all the same", async () => {
    const pulled = await run("weights", "pull", used.name);
    expect(pulled).toMatchObject({ status, stdout: "" });
    expect(pulled.stderr).toMatch(/^error: Expected .*compact.*\.\n$/);
    expect(await run(...paint, "--dry-run", "--weights", other.name)).toMatchObject({ status: 0 });
  });
});

it.each([lose, damage])(
  "a network that is missing or damaged is listed as such: %o",
  { timeout: 60_000 },
  async (spoil) => {
    const missing = "missing or damaged: install the program again";
    expect((await run("weights", "list")).stdout).not.toContain(missing);
    await spoil();
    expect((await run("weights", "list")).stdout.split(missing)).toHaveLength(2);
  },
);
