/** `stylize-serve` as a process: what it says and how it ends where it can't, or need not, serve. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { redisMissing, startRedis } from "../stores/testing/redis.ts";
import { nodeArguments } from "../tests/programs.ts";
import { configTable } from "./config.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-main-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs it to its end, which must come by itself. */
async function run(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const args = [...nodeArguments("gateway/main.ts"), "--data", join(folder, "data"), ...flags];
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, args, { env: { PATH, ...env }, timeout: 60_000 });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once("exit", (status, signal) => resolve(status ?? signal))),
  ]);
  return { code, stdout, stderr };
}

describe("stylize-serve", () => {
  it("--help tells of every flag", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const name of Object.keys(configTable)) expect(stdout).toContain(`--${name} `);
  });

  const redis = "redis://me:hunter2@example.org";
  const [secret, jwt] = ["s3cret".repeat(6), "t0ken".repeat(8)];
  it.each<[string, string[], Record<string, string>]>([
    ["flags", ["--redis", redis, "--secret", secret, "--jwt-secret", jwt, "--port", "1234"], {}],
    [
      "the environment",
      [],
      { STYLIZE_REDIS: redis, STYLIZE_SECRET: secret, STYLIZE_JWT_SECRET: jwt, STYLIZE_PORT: "1234" },
    ],
  ])("--print-config shows settings from %s, but no secret", async (_, flags, env) => {
    const { code, stdout, stderr } = await run(["--print-config", ...flags], env);
    expect([code, stderr]).toEqual([0, ""]);
    for (const line of ["port: 1234", "redis: (set)", "secret: (set)", "jwt-secret: (set)"])
      expect(stdout.split("\n")).toContain(line);
    expect(stdout).not.toMatch(/hunter2|s3cret|t0ken|example/);
  });

  it.each<[string, string[], RegExp[]]>([
    ["a flag that nobody knows", ["--nothing"], [/^error: Unknown option '--nothing'/]],
    ["a word too many", ["serve"], [/^error: Unexpected argument 'serve'/]],
    [
      "several wrong settings",
      ["--port", "x", "--workers", "0", "--secret", "hunter2", "--redis", redis],
      [
        /^error: Expected --port .*'x'\.$/,
        /^error: Expected --workers .*'0'\.$/,
        /^error: Expected --secret /,
      ],
    ],
  ])("refuses %s, a sentence each", async (_, flags, sentences) => {
    const { code, stdout, stderr } = await run(flags);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr.trim().split("\n")).toEqual(sentences.map((sentence) => expect.stringMatching(sentence)));
    expect(stderr).not.toContain("hunter2");
  });
});

describe("stylize-serve that can't start says why in one sentence", () => {
  const quiet = ["--log-level", "silent"];

  it("where the port is in use", async () => {
    await using server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await run(["--port", String(port), ...quiet]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(new RegExp(`^error: Expected .*EADDRINUSE.*:${port}\\.\n$`));
  });

  it.each(["objects", "messages", "jobs"])("where %s/ can't be made", async (part) => {
    await writeFile(join(folder, part), "");
    const { code, stdout, stderr } = await run(["--port", "0", "--data", folder, ...quiet]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(new RegExp(`^error: Expected .*E(NOTDIR|EXIST).*${join(folder, part)}.*\\n$`));
  });

  it("where the data folder lies below a file", async () => {
    await writeFile(join(folder, "file"), "");
    const { code, stdout, stderr } = await run([
      "--port",
      "0",
      "--data",
      join(folder, "file", "data"),
      ...quiet,
    ]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: Expected .*ENOTDIR.*\n$/);
  });

  it("where the secret in the data folder is none", async () => {
    await writeFile(join(folder, "secret"), "");
    const { code, stdout, stderr } = await run(["--port", "0", "--data", folder, ...quiet]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `error: Expected at least 32 characters in '${join(folder, "secret")}' but received 0.\n`,
    );
  });

  const secret = ["--secret", "0123456789".repeat(4), "--port", "0", ...quiet];
  it("where Redis is away", async () => {
    const { code, stdout, stderr } = await run([...secret, "--redis", "redis://me:hunter2@127.0.0.1:1"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: Expected an answer of Redis but received: .*ECONNREFUSED.*\n$/);
    expect(stderr).not.toContain("hunter2");
  });

  it.skipIf(redisMissing)("where Redis wants another password", async () => {
    await using redis = await startRedis({ password: "right" });
    const url = redis.url.replace("right", "hunter2");
    const { code, stdout, stderr } = await run([...secret, "--redis", url]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^error: Expected an answer of Redis but received: .*(WRONGPASS|NOAUTH).*\n$/);
    expect(stderr).not.toContain("hunter2");
  });

  it("where the address of Redis is none", async () => {
    const { code, stdout, stderr } = await run([...secret, "--redis", "http://me:hunter2@host"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^error: Expected an address such as redis:.* for the address of Redis .*\n$/);
    expect(stderr).not.toContain("hunter2");
  });
});

describe.skipIf(process.platform === "win32")("stylize-serve whose terminal is closed", () => {
  it("drains at SIGHUP, however often it comes and with nobody left to read what it says", async () => {
    const args = [...nodeArguments("gateway/main.ts"), "--data", folder, "--port", "0"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    for (const _ of [1, 2, 3]) child.kill("SIGHUP");
    expect(await ended).toEqual([0, null]);
  });
});
