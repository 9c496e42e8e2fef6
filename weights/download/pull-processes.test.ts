/** Downloads in processes of their own: killed, two at once, stopped, through proxies and TLS. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ManifestEntry } from "../manifest.ts";
import type { PullOptions } from "./pull.ts";
import { testCertificate } from "./testing/certificate.ts";
import { TestFolder } from "./testing/folder.ts";
import { TestProxy } from "./testing/proxy.ts";
import { entryOf, misbehave, TestServer, testFile } from "./testing/server.ts";

const MIB = 1 << 20;
const file = testFile(3 * MIB);
const folder = new TestFolder();
const script = fileURLToPath(new URL("testing/pull.ts", import.meta.url));

type Line = [event: string, ...unknown[]];

/** A process that pulls, and what it says. */
function start(entry: ManifestEntry, options: Partial<PullOptions> = {}, env: NodeJS.ProcessEnv = {}) {
  const argument = JSON.stringify({ entry, folder: folder.path, ...options });
  const child = spawn(process.execPath, ["--import", "tsx", script, argument], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: Line[] = [];
  const reader = createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  const closed = once(child, "close");
  return {
    child,
    lines,
    closed,
    /** The first line that is as wanted. */
    async until(isWanted: (line: Line) => boolean): Promise<Line> {
      for (;;) {
        const found = lines.find(isWanted);
        if (found) return found;
        await Promise.race([once(reader, "line"), closed.then(() => Promise.reject(new Error("it ended")))]);
      }
    },
    /** The last line, once the process has ended by itself. */
    async end(): Promise<Line> {
      expect(await closed).toEqual([0, null]);
      return lines.at(-1)!;
    },
  };
}

describe("a process that downloads", () => {
  it("and is killed leaves what the next one goes on with", async () => {
    await using server = await TestServer.start(file, misbehave.stall(MIB));
    const entry = entryOf(file, [server.url]);
    const first = start(entry);
    await first.until(([event, received]) => event === "progress" && Number(received) === MIB);
    first.child.kill("SIGKILL");
    await first.closed;
    const { size } = await stat(folder.of("net.pth.part"));
    expect(size).toBeGreaterThan(0);
    expect(await folder.names()).toEqual(["net.pth.lock", "net.pth.part", "net.pth.part.json"]);

    await using good = await TestServer.start(file);
    expect((await folder.pull({ ...entry, mirrors: [good.url] })).fetched).toBe(true);
    expect(good.ranges).toEqual([`bytes=${size}-`]);
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
    expect(await folder.names()).toEqual(["net.pth"]);
  });

  it("keeps another from doing the same", async () => {
    const asked = gate();
    const answer = gate();
    await using server = await TestServer.start(file, async (request, response, bytes) => {
      asked.open();
      await answer.opened;
      misbehave.noRanges(request, response, bytes);
    });
    const entry = entryOf(file, [server.url]);
    const first = start(entry);
    await asked.opened;
    const second = start(entry);
    const [, sentence] = await second.until(([event]) => event === "note");
    expect(sentence).toBe("Another process is fetching net.pth: waiting for it to finish.");
    answer.open();
    expect(await first.end()).toMatchObject(["done", { fetched: true }]);
    expect(await second.end()).toMatchObject(["done", { fetched: false }]);
    expect(second.lines.filter(([event]) => event === "note").length).toBe(1);
    expect(server.requests.length).toBe(1);
    expect(await folder.names()).toEqual(["net.pth"]);
  });
});

// Without signals there is no such way to stop a process.
describe.skipIf(process.platform === "win32")("a process that is told to stop", () => {
  const patient = { connect: 1e9, headers: 1e9, stall: 1e9 };
  const stopped = [
    "error",
    "aborted",
    "Expected net.pth but its download was stopped; the next one goes on where it stopped.",
  ];

  it("ends at once on the way, and keeps what came", async () => {
    await using server = await TestServer.start(file, misbehave.stall(MIB));
    const entry = entryOf(file, [server.url]);
    const run = start(entry, { timeouts: patient });
    await run.until(([event, received]) => event === "progress" && Number(received) === MIB);
    run.child.kill("SIGINT");
    expect(await run.end()).toEqual(stopped);
    expect(await folder.names()).toEqual(["net.pth.part", "net.pth.part.json"]);
    expect((await stat(folder.of("net.pth.part"))).size).toBeGreaterThan(0);
    await using good = await TestServer.start(file);
    await folder.pull({ ...entry, mirrors: [good.url] });
    expect(await folder.sha256("net.pth")).toBe(entry.sha256);
  });

  it("ends at once while a server is silent", async () => {
    const asked = gate();
    await using server = await TestServer.start(file, asked.open);
    const run = start(entryOf(file, [server.url]), { timeouts: patient });
    await asked.opened;
    run.child.kill("SIGINT");
    expect(await run.end()).toEqual(stopped);
  });

  it("ends at once while TLS is being agreed on", async () => {
    await using listener = await SilentListener.start();
    const run = start(entryOf(file, [`https://${listener.host}/`]), { timeouts: patient });
    await listener.connected;
    run.child.kill("SIGINT");
    expect(await run.end()).toEqual(stopped);
  });

  it("ends at once while a proxy is silent", async () => {
    const asked = gate();
    await using proxy = await TestProxy.start({ onRequest: asked.open, silent: true });
    const options = { timeouts: patient, env: { https_proxy: proxy.url } };
    const run = start(entryOf(file, ["https://a.example/"]), options);
    await asked.opened;
    run.child.kill("SIGINT");
    expect(await run.end()).toEqual(stopped);
  });

  it("ends at once while TLS is being agreed on behind a proxy", async () => {
    await using listener = await SilentListener.start();
    await using proxy = await TestProxy.start();
    const options = { timeouts: patient, env: { https_proxy: proxy.url } };
    const run = start(entryOf(file, [`https://${listener.host}/`]), options);
    await listener.connected;
    run.child.kill("SIGINT");
    expect(await run.end()).toEqual(stopped);
  });

  it("ends at once while it waits for another", async () => {
    await using server = await TestServer.start(file, misbehave.stall(MIB));
    const entry = entryOf(file, [server.url]);
    const first = start(entry, { timeouts: patient });
    await first.until(([event]) => event === "progress");
    const second = start(entry);
    await second.until(([event]) => event === "note");
    second.child.kill("SIGINT");
    expect(await second.end()).toEqual(stopped);
    first.child.kill("SIGINT");
    expect(await first.end()).toEqual(stopped);
  });
});

describe("with a certificate that NODE_EXTRA_CA_CERTS vouches for", () => {
  /** The variable, which Node reads only when it starts. */
  async function trust(cert: string): Promise<NodeJS.ProcessEnv> {
    const path = folder.of("cert.pem");
    await writeFile(path, cert);
    return { NODE_EXTRA_CA_CERTS: path };
  }

  it("a file comes by https, with its tunnel through a proxy and without", async () => {
    const tls = testCertificate();
    await using server = await TestServer.start(file, undefined, tls);
    await using proxy = await TestProxy.start();
    const entry = entryOf(file, [server.url]);
    const direct = start(entry, { folder: folder.of("direct") }, await trust(tls.cert));
    expect(await direct.end()).toMatchObject(["done", { fetched: true }]);
    expect(proxy.requests).toEqual([]);
    const env = { https_proxy: proxy.url.replace("//", "//ada:secret@") };
    const tunnelled = start(entry, { folder: folder.of("tunnelled"), env }, await trust(tls.cert));
    expect(await tunnelled.end()).toMatchObject(["done", { fetched: true }]);
    const authorization = `Basic ${Buffer.from("ada:secret").toString("base64")}`;
    expect(proxy.requests).toEqual([`CONNECT ${server.host} ${authorization}`]);
    expect(server.requests.length).toBe(2);
  });

  it("a redirect to http is refused", async () => {
    const tls = testCertificate();
    await using plain = await TestServer.start(file);
    await using server = await TestServer.start(file, misbehave.redirect(plain.url), tls);
    const run = start(entryOf(file, [server.url]), {}, await trust(tls.cert));
    const [event, , sentence] = await run.end();
    expect(event).toBe("error");
    expect(sentence).toContain("was redirected from https: to http:, which is not safe");
    expect(plain.requests).toEqual([]);
  });
});

describe("through a proxy", () => {
  it("a file comes by http", async () => {
    await using server = await TestServer.start(file);
    await using proxy = await TestProxy.start();
    await folder.pull(entryOf(file, [server.url]), { env: { HTTP_PROXY: proxy.url } });
    expect(proxy.requests).toEqual([`GET ${server.url}`]);
    expect(await folder.sha256("net.pth")).toBe(entryOf(file, []).sha256);
  });

  it("nothing goes that no_proxy lists", async () => {
    await using server = await TestServer.start(file);
    await using proxy = await TestProxy.start();
    await folder.pull(entryOf(file, [server.url]), { env: { http_proxy: proxy.url, no_proxy: "127.0.0.1" } });
    expect(proxy.requests).toEqual([]);
  });
});

function gate(): { open: () => void; opened: Promise<void> } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Takes connections and says nothing. */
class SilentListener implements AsyncDisposable {
  readonly #gate = gate();
  readonly #sockets: Socket[] = [];
  readonly #server = createServer((socket) => {
    this.#sockets.push(socket.on("error", () => {}).resume());
    this.#gate.open();
  });

  static async start(): Promise<SilentListener> {
    const listener = new SilentListener();
    await once(listener.#server.listen(0, "127.0.0.1"), "listening");
    return listener;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connected(): Promise<void> {
    return this.#gate.opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
