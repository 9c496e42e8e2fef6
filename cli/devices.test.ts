/** `--device` and `stylize devices` with several drivers at once: Mesa's and Chromium's, on the processor both. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { swiftShader } from "../gateway/testing/chromium.ts";
import { driverFiles } from "../setup/adapter.mjs";
import { nodeArguments } from "../tests/programs.ts";

const mesa = driverFiles().find(({ path }) => /lvp_icd/.test(path))?.path;
const chromium = swiftShader();
const example = (name: string) => fileURLToPath(import.meta.resolve(`../examples/${name}`));

let folder: string;
let drivers: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-devices-"));
  const copy = join(folder, "copy.json"); // the same adapter once more, as a second GPU of a kind would be
  if (chromium) await writeFile(copy, await withWholePath(chromium));
  drivers = [mesa, chromium, copy].join(delimiter);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The description of a driver with its library's whole path. */
async function withWholePath(path: string): Promise<string> {
  const { ICD, ...rest } = JSON.parse(await readFile(path, "utf8"));
  return JSON.stringify({ ...rest, ICD: { ...ICD, library_path: resolve(dirname(path), ICD.library_path) } });
}

function stylize(...argv: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const env = { ...process.env, VK_DRIVER_FILES: drivers, VK_ICD_FILENAMES: drivers };
  const args = [...nodeArguments("cli/main.ts"), ...argv];
  return new Promise((done) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      done({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const dry = (device: string) => {
  const files = [example("astronaut.jpg"), "--style", example("auvers.jpg"), "-o", join(folder, "out.png")];
  return stylize(...files, "--size", "40", "--dry-run", "--json", "--device", device);
};

describe.skipIf(!mesa || !chromium)("with two drivers, one of them twice", { timeout: 60_000 }, () => {
  it("all adapters are listed, and each that can be had is had by its name in any case, and its number", async () => {
    const { stdout } = await stylize("devices", "--json");
    const listed = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(listed.map(({ number }) => number)).toEqual([1, 2, 3]);
    const names = listed.map(({ name }): string => name);
    expect(names.filter((name) => name.startsWith("llvmpipe"))).toHaveLength(1);
    expect(names.filter((name) => name.startsWith("SwiftShader"))).toHaveLength(2);
    const place = names.findIndex((name) => name.startsWith("llvmpipe"));
    for (const device of [names[place]!, "LLVMPIPE", String(place + 1)]) {
      const { stdout, stderr } = await dry(device);
      expect(stderr).not.toContain("error");
      expect(JSON.parse(stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({
        adapter: names[place],
        family: "cpu",
      });
    }
    const swift = await dry("swift");
    expect(JSON.parse(swift.stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({ family: "gpu" });
  });

  it("the second of two equal ones is shown as what can't be had, and refused", async () => {
    const { stdout } = await stylize("devices");
    expect(stdout).toMatch(
      /^SwiftShader .*\n {2}number +(\d)\n {2}not to be had {2}Dawn gives adapter \d instead\n/m,
    );
    const number = /number +(\d)\n {2}not to be had/.exec(stdout)![1]!;
    const { status, stderr } = await dry(number);
    expect(status).toBe(7);
    expect(stderr).toMatch(
      /^error: Expected an adapter that Dawn can be asked for but it gives 'SwiftShader .*\.$/m,
    );
  });

  it("a part of several names is refused with all of them", async () => {
    const { status, stderr } = await dry("e");
    expect(status).toBe(7);
    expect(stderr).toMatch(
      /^error: Expected an adapter that 'e' alone means but it is in '.+' \(1\), '.+' \(2\), .+\.$/m,
    );
  });
});
