/** `stylize request` against whole services: here and in the stand-ins for the cloud, with the real worker. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../gateway/testing/client.ts";
import { TestCloud } from "../gateway/testing/cloud.ts";
import { TestMachine } from "../gateway/testing/machine.ts";
import { TestProxy } from "../gateway/testing/proxy.ts";
import { TestService, testPicture, watchedWorker } from "../gateway/testing/service.ts";
import { redisMissing } from "../stores/testing/redis.ts";
import { TestIo } from "../tests/io.ts";
import { nodeArguments } from "../tests/programs.ts";
import { run } from "./run.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-request-"));
  await writeFile(join(folder, "photo.jpg"), await testPicture("teal", 40, 40));
  await writeFile(join(folder, "style.jpg"), await testPicture("crimson", 40, 40));
  await writeFile(join(folder, "text.jpg"), "no picture\n");
  await sharp(join(folder, "photo.jpg")).tiff().toFile(join(folder, "photo.tiff"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The command as a process of its own, in the folder of the test pictures. */
class Command implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly status: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(...argv: string[]) {
    const node = [...nodeArguments("cli/main.ts"), "request", ...argv];
    this.#child = spawn(process.execPath, node, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout!.on("data", (text) => {
      this.stdout += text;
    });
    this.#child.stderr!.on("data", (text) => {
      this.stderr += text;
    });
    this.status = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** What it told machines, so far. */
  events(): { readonly event: string; readonly [field: string]: unknown }[] {
    return this.stdout.split("\n").flatMap((line) => (line.endsWith("}") ? [JSON.parse(line)] : []));
  }

  states(): unknown[] {
    return this.events().flatMap(({ event, status }) => (event === "job" ? [status] : []));
  }

  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.status;
  }
}

const address = (port: number) => `http://127.0.0.1:${port}`;
const small = ["--steps", "2", "--strength", "bold"];

async function isPicture(name: string, format: string, side = 40) {
  const metadata = await sharp(join(folder, name)).metadata();
  expect(metadata).toMatchObject({ format, width: side, height: side });
}

describe("on one machine", { timeout: 120_000 }, () => {
  const machine = new TestMachine();

  it("the real worker paints a picture, in the format that is wanted", async () => {
    const flags = ["--weights", "generated"];
    await using gateway = await machine.start(flags, { TEST_WORKER: "worker/main.ts" });
    const request = ["photo.jpg", "--server", address(gateway.port), ...small];
    await using command = new Command(...request, "--style", "style.jpg", "-o", "here.webp", "--private");
    expect(await command.status, command.stderr).toBe(0);
    expect(command.stderr).toMatch(/^Step \d+\/\d+, loss [\d.e+]+, \d+:\d\d left$/m);
    expect(command.stderr.trimEnd().split("\n").at(-1)).toMatch(/^Wrote 'here\.webp' \(40x40\) in 0:\d\d\.$/);
    expect(command.stdout).toBe("");
    await isPicture("here.webp", "webp");
    expect(await sharp(join(folder, "here.webp")).stats()).not.toMatchObject({ isOpaque: false });
  });

  it("a gateway that is killed and comes back is waited for", async () => {
    const first = await machine.start([]);
    await using _first = first;
    await using command = new Command(
      ...["photo.jpg", "--style", "gated.jpg", "--server", address(first.port), "--json"],
    );
    await until(() => command.states().includes("running"), "a worker's word");
    await first.kill();
    await until(() => command.stdout.includes("connection is lost"), "the loss");
    await writeFile(machine.workers.env.TEST_GATE, "");
    await using _second = await machine.start(["--port", String(first.port)]);
    expect(await command.status, command.stderr).toBe(0);
    expect(command.states().at(-1)).toBe("succeeded");
    expect(command.events().at(-1)).toMatchObject({ event: "saved", path: "photo-gated.png", width: 40 });
    await isPicture("photo-gated.png", "png");
    await rm(join(folder, "photo-gated.png"));
  });

  it("Ctrl-C cancels the job", async () => {
    await using gateway = await machine.start([]);
    await using command = new Command(
      ...["photo.jpg", "--style", "waits.jpg", "--server", address(gateway.port)],
    );
    await until(() => command.stderr.includes("Step 1/2"), "a worker's word");
    command.interrupt();
    expect(await command.status).toBe(130);
    expect(command.stderr.trimEnd().split("\n").slice(-2)).toEqual([
      "Cancelling; Ctrl-C again ends this at once and leaves the job to the service.",
      "Cancelled: nothing was written.",
    ]);
    await until(() => machine.workers.running().length === 0, "the end of the worker");
    expect(machine.workers.began()).toHaveLength(1);
    expect(existsSync(join(folder, "photo-waits.png"))).toBe(false);
  });
});

describe.skipIf(redisMissing)("in the cloud", { timeout: 120_000 }, () => {
  it("the way to one gateway becomes that to another, while the real worker paints", async () => {
    await using cloud = await TestCloud.start(undefined, watchedWorker("worker/main.ts"));
    const first = await cloud.gateway();
    const second = await cloud.gateway();
    await using proxy = await TestProxy.start(first.port);
    await using command = new Command(
      ...["photo.jpg", "--style", "works.jpg", "--server", address(proxy.port), ...small],
      ...["-o", "cloud.png", "--private", "--json"],
    );
    await until(() => command.states().length > 0, "the job");
    proxy.target = second.port;
    proxy.set("cut");
    proxy.set("pass");
    await first.kill();
    expect(await command.status, command.stderr).toBe(0);
    const texts = command.events().flatMap(({ text }) => (typeof text === "string" ? [text] : []));
    expect(texts).toEqual(["The connection is lost; the job goes on meanwhile.", "Connected again."]);
    expect(command.states().at(-1)).toBe("succeeded");
    expect(command.states().filter((status) => status === "succeeded")).toHaveLength(1);
    expect(cloud.workers.began()).toHaveLength(1);
    await isPicture("cloud.png", "png");
  });
});

describe("what goes wrong is one sentence and a status", { timeout: 60_000 }, () => {
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start("--jobs-per-minute", "4");
    await copyFile(join(folder, "photo.jpg"), join(folder, "photo-works.png"));
  }, 60_000);
  afterAll(() => service[Symbol.asyncDispose]());

  /** File names are those of the test's folder. */
  async function runHere(...argv: string[]) {
    const io = new TestIo();
    const before = process.cwd();
    process.chdir(folder);
    try {
      const status = await run(["request", ...argv], io);
      return { status, stdout: io.stdout.text, stderr: io.stderr.text };
    } finally {
      process.chdir(before);
    }
  }
  const server = () => ["--server", address(service.port)];
  const names = (text: string) => text.replaceAll(address(service.port), "URL");
  const output = ["-o", "out.png"];

  it.each<[string[], number, string]>([
    [[], 2, "Expected a picture to paint, but received none."],
    [["photo.jpg"], 2, "Expected a style: --style NAME|FILE, but received none."],
    [
      ["photo.jpg", "--style", "works.jpg", "--size", "7"],
      2,
      "Expected --size to be an integer from 32 to 16384 but received '7'.",
    ],
    [
      ["photo.jpg", "--style", "works.jpg"],
      2,
      "Expected --output FILE, as there is a 'photo-works.png' already.",
    ],
    [
      ["photo.jpg", "--style", "style.jpg", "-o", "style.jpg"],
      2,
      "Expected --output to be a file that this run uses for nothing else but received 'style.jpg'.",
    ],
    [
      ["photo.jpg", "--style", "works.jpg", "-o", "no/out.png"],
      6,
      "Expected to write 'no/out.png' but its folder does not exist.",
    ],
    [
      ["gone.jpg", "--style", "works.jpg", ...output],
      3,
      "Expected a JPEG, PNG or WebP picture but there is no file 'gone.jpg'.",
    ],
    [
      ["photo.tiff", "--style", "works.jpg", ...output],
      4,
      "Expected a JPEG, PNG or WebP picture but 'photo.tiff' is a TIFF picture.",
    ],
    [
      ["photo.jpg", "--style", "./text.jpg", ...output],
      4,
      "Expected a JPEG, PNG or WebP picture but './text.jpg' is a text file.",
    ],
    [
      ["photo.jpg", "--style", "none.jpg", ...output],
      2,
      "Expected --style to be a file or a style of URL but received 'none.jpg'; --list-styles names them.",
    ],
    [
      ["photo.jpg", "--style", "fails.jpg", ...output],
      4,
      "Expected a result but the service says: The style can't be read as JPEG, PNG or WebP, or is " +
        "too large or too small.",
    ],
  ])("%j ends with %i", async (argv, status, sentence) => {
    const outcome = await runHere(...argv, ...server());
    const error = names(outcome.stderr)
      .split("\n")
      .find((line) => line.startsWith("error: "));
    expect(error).toBe(`error: ${sentence}`);
    expect(outcome).toMatchObject({ status, stdout: "" });
  });

  it("a job that goes well is a bar on a terminal, and a line", async () => {
    const io = new TestIo(80);
    const out = join(folder, "bar.jpg");
    const request = ["request", join(folder, "photo.jpg"), "--style", "works.jpg", "-o", out, ...server()];
    expect(await run(request, io)).toBe(0);
    expect(io.stderr.text).toMatch(/\[#+-+\] Step 1\/2, loss 1\.000, 0:00 left/);
    expect(io.stderr.lines.at(-1)).toMatch(/^Wrote '.*bar\.jpg' \(40x40\) in 0:\d\d\.$/);
    expect(io.listenerCount("SIGINT")).toBe(0);
  });

  it("also where nothing answers, and to machines", async () => {
    const nothing = ["photo.jpg", "--style", "works.jpg", ...output, "--json", "--server"];
    const { status, stdout } = await runHere(...nothing, "http://127.0.0.1:1/path");
    expect([status, JSON.parse(stdout).code]).toEqual([2, "bad-option"]);
    const away = await runHere(...nothing, "http://127.0.0.1:1");
    expect(away.status).toBe(14);
    expect(away.stderr).toBe(
      "error: Expected a service at http://127.0.0.1:1 but there is no connection (connect " +
        "ECONNREFUSED 127.0.0.1:1).\n",
    );
  });

  it("also where the service refuses, with the time to wait", async () => {
    const request = ["photo.jpg", "--style", "works.jpg", ...output, ...server()];
    const outcomes = [];
    for (let i = 0; i < 4; i++) outcomes.push(await runHere(...request, "--quiet"));
    expect(outcomes[0]).toEqual({ status: 0, stdout: "", stderr: "" });
    const refused = outcomes.at(-1)!;
    expect(refused.status).toBe(15);
    expect(names(refused.stderr)).toMatch(
      /^error: Expected URL to take the request but it says: Too many requests; try again later\. Try again in \d+ s\.\n$/,
    );
    await rm(join(folder, "out.png"));
  });

  it("also where the service wants a login, which may come from the environment", async () => {
    const secret = "a secret of at least thirty-two bytes";
    await using closed = await TestService.start("--jwt-secret", secret);
    const list = ["request", "--list-styles", "--server", address(closed.port)];
    const io = new TestIo();
    expect(await run(list, io)).toBe(15);
    expect(io.stderr.text).toMatch(
      /^error: Expected .+ to take the request but it says: This needs a valid login\.\n$/,
    );
    const claims = new SignJWT({ sub: "somebody" }).setProtectedHeader({ alg: "HS256" });
    const token = await claims.setExpirationTime("1m").sign(new TextEncoder().encode(secret));
    expect(await run([...list, "--token", token], new TestIo())).toBe(0);
    io.env.STYLIZE_TOKEN = token;
    expect(await run(list, io)).toBe(0);
  });

  it("lists the styles", async () => {
    const people = await runHere("--list-styles", ...server());
    expect(people.stdout.split("\n")).toContain("works.jpg");
    const machines = await runHere("--list-styles", "--json", ...server());
    const styles = machines.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(styles.map(({ name }) => name)).toEqual(people.stdout.trimEnd().split("\n"));
    expect((await fetch(styles[0].url)).status).toBe(200);
  });

  it("has written nothing else", async () => {
    const left = (await readdir(folder)).filter((name) => /out|tmp|photo-(?!works)/.test(name));
    expect(left).toEqual([]);
  });
});
