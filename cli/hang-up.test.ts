/** What is left of a run whose terminal, or whatever read it, is gone: its picture. Real processes. */
import { spawn, spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../gateway/testing/client.ts";
import { decodePicture } from "../pictures/index.ts";
import { nodeArguments } from "../tests/programs.ts";

let folder: string;
let output: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-hang-up-"));
  output = join(folder, "out.png");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const example = (name: string) => fileURLToPath(import.meta.resolve(`../examples/${name}.jpg`));
const size = ["--size", "40", "--min-size", "40"];

/** Node's arguments. */
const stylize = (steps: number, ...flags: string[]) => [
  ...[...nodeArguments("cli/main.ts"), example("astronaut")],
  ...["--style", example("auvers"), "-o", output, ...size, "--steps", String(steps), ...flags],
];

async function expectPicture() {
  expect((await decodePicture(output)).picture).toMatchObject({ width: 40, height: 40 });
  expect(await readdir(folder)).toEqual(["out.png"]);
}

describe.skipIf(process.platform === "win32")("a run", { timeout: 240_000 }, () => {
  it("that is told twice to hang up, with nobody left to read, writes the present picture", async () => {
    const child = spawn(process.execPath, stylize(100_000), { stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    await until(() => said.includes("Step "), "a step");
    child.stdout.destroy();
    child.stderr.destroy();
    child.kill("SIGHUP");
    child.kill("SIGHUP");
    expect(await ended).toBe(130);
    await expectPicture();
  });

  const hasScript = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux");
  it.skipIf(!hasScript)("whose terminal is closed writes the present picture", async () => {
    const words = [process.execPath, ...stylize(100_000)].map((word) => `'${word}'`).join(" ");
    // with jobs, as shells of people have: it passes the end of the terminal on
    const shell = `set -m; ${words} & fg > /dev/null`;
    const terminal = spawn("script", ["-qefc", `bash -c "${shell}"`, "/dev/null"], { stdio: "pipe" });
    let said = "";
    terminal.stdout.on("data", (text) => {
      said += text;
    });
    await until(() => said.includes("Step "), "a step");
    terminal.kill("SIGKILL");
    await until(async () => (await readdir(folder)).includes("out.png"), "the picture");
    await expectPicture();
  });

  it.skipIf(process.platform !== "linux")("goes on where what it says can't be written", async () => {
    const full = openSync("/dev/full", "w");
    const { status } = spawnSync(process.execPath, stylize(2, "--json"), { stdio: ["ignore", full, full] });
    expect(status).toBe(0);
    await expectPicture();
  });
});
