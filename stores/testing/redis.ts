/**
 * Real redis-server processes for tests: in temporary folders, on free ports of 127.0.0.1, gone when disposed of.
 *
 * A shell stands between: it kills the server when its own input closes, so that none outlives a test process, however
 * that ended.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

/** What is missing here for tests with Redis, and how to install it; undefined where it is there. */
export const redisMissing = missing("redis-server", "redis-server", "redis");
/** The same for tests with certificates. */
export const opensslMissing = missing("openssl", "openssl", "openssl");

export interface TestRedis extends AsyncDisposable {
  /** For `connectRedis`, password included. */
  readonly url: string;
  /** Certificate of the authority that the server's own is signed by, with `tls`. */
  readonly ca: string | undefined;
  /** Like a power cut for the process (SIGKILL); what it had answered is on disk. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  /** Stops it from doing anything, connections open, until `thaw`. */
  freeze(): void;
  thaw(): void;
}

export interface TestCluster extends AsyncDisposable {
  readonly url: string;
  readonly nodes: readonly TestRedis[];
}

export interface TestRedisOptions {
  readonly password?: string;
  readonly tls?: boolean;
}

export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  return startServer(options, []);
}

/** Three primaries without replicas. A node that is away takes the cluster down, one that returns brings it back. */
export async function startRedisCluster(options: { readonly password?: string } = {}): Promise<TestCluster> {
  const nodes: TestRedis[] = [];
  const dispose = async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  };
  try {
    const more = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    for (let i = 0; i < 3; i++) nodes.push(await startServer(options, more));
    await join3(nodes.map((node) => node.url));
    const [first] = nodes;
    return { url: first!.url.replace("redis://", "redis+cluster://"), nodes, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startServer(options: TestRedisOptions, more: readonly string[]): Promise<TestRedis> {
  const { password = "", tls = false } = options;
  const folder = mkdtempSync(join(tmpdir(), "redis-test-"));
  const port = await freePort();
  const certificate = tls ? makeCertificate(folder) : undefined;
  const host = `127.0.0.1:${port}`;
  const url = `${tls ? "rediss" : "redis"}://${password === "" ? "" : `:${encodeURIComponent(password)}@`}${host}`;
  const args = [
    ...(tls ? ["--port", "0", "--tls-port", String(port)] : ["--port", String(port)]),
    ...(certificate?.args ?? []),
    ...(password === "" ? [] : ["--requirepass", password, "--masterauth", password]),
    ...["--bind", "127.0.0.1", "--dir", folder, "--logfile", "redis.log", "--daemonize", "no"],
    ...["--appendonly", "yes", "--appendfsync", "always", "--save", "", ...more],
  ];
  let server = await launch(args, folder, url, certificate?.ca);
  return {
    url,
    ca: certificate?.ca,
    kill: () => server.kill(),
    restart: async () => {
      await server.kill();
      server = await launch(args, folder, url, certificate?.ca);
    },
    freeze: () => void process.kill(server.pid, "SIGSTOP"),
    thaw: () => void process.kill(server.pid, "SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once the server answers. */
async function launch(args: readonly string[], folder: string, url: string, ca: string | undefined) {
  const script = 'redis-server "$@" >/dev/null 2>&1 & echo $!; cat >/dev/null; kill -9 $!; wait';
  const shell = spawn("sh", ["-c", script, "sh", ...args], { stdio: ["pipe", "pipe", "ignore"] });
  const pid = await new Promise<number>((resolve) =>
    shell.stdout.once("data", (line) => resolve(Number(line))),
  );
  const kill = () => ended(shell);
  try {
    await answering(url, ca);
  } catch (error) {
    await kill();
    const log = readFileSync(join(folder, "redis.log"), "utf8");
    throw new Error(`redis-server did not start: ${(error as Error).message}\n${log}`);
  }
  return { pid, kill };
}

async function ended(shell: ChildProcess): Promise<void> {
  if (shell.exitCode !== null || shell.signalCode !== null) return;
  const exit = new Promise((resolve) => shell.once("exit", resolve));
  shell.stdin!.end();
  await exit;
}

async function answering(url: string, ca: string | undefined): Promise<void> {
  const options = { retryStrategy: () => 50, ...(ca === undefined ? {} : { tls: { ca } }) };
  const client = new Redis(url, { ...options, maxRetriesPerRequest: 200 });
  client.on("error", () => {});
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}

/** Gives each node a third of the 16,384 slots and waits until all of them see the whole. */
async function join3(urls: readonly string[]): Promise<void> {
  const clients = urls.map((url) => new Redis(url));
  try {
    for (const [i, client] of clients.entries()) {
      const [from, to] = [Math.floor((i * 16_384) / 3), Math.floor(((i + 1) * 16_384) / 3)];
      await client.cluster("ADDSLOTS", ...Array.from({ length: to - from }, (_, k) => from + k));
      await client.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    }
    const { port } = new URL(urls[0]!);
    for (const client of clients.slice(1)) await client.cluster("MEET", "127.0.0.1", Number(port));
    for (const client of clients) {
      while (!/cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(String(await client.cluster("INFO"))))
        await sleep(50);
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

/** One whose cluster bus, 10,000 above, is free too. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A certificate for 127.0.0.1 that is its own authority. */
function makeCertificate(folder: string): { ca: string; args: string[] } {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const request = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
  ];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...request, ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const files = ["--tls-key-file", key, "--tls-cert-file", cert, "--tls-ca-cert-file", cert];
  return { ca: readFileSync(cert, "utf8"), args: [...files, "--tls-auth-clients", "no"] };
}

function missing(program: string, debian: string, others: string): string | undefined {
  if (onPath([program]) !== undefined) return undefined;
  const ways = `apt-get install ${debian}, dnf install ${others} or brew install ${others}`;
  return `${program} is not on the PATH: install it with ${ways}`;
}

/** The file of the first of `programs` that is on the PATH. */
export function onPath(programs: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return programs.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
