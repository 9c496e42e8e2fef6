/** Each way in which a mirror fails: its sentence, what it leaves, and that the next mirror still brings the file. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { cachedPath } from "./cache.ts";
import type { PullOptions } from "./pull.ts";
import { testCertificate } from "./testing/certificate.ts";
import { TestFolder } from "./testing/folder.ts";
import { TestProxy } from "./testing/proxy.ts";
import { type Behaviour, entryOf, misbehave, sha256Of, TestServer, testFile } from "./testing/server.ts";

const file = testFile(300_000);
const otherHash = sha256Of(Buffer.from(file).fill(file[150_000]! ^ 1, 150_000, 150_001));
const short = { connect: 300, headers: 100, stall: 300 };

const folder = new TestFolder();

/**
 * Downloads from `mirror` alone, which has to fail with `clause`, then from it and a good one, which has to succeed.
 */
async function expectFailure(mirror: string, clause: string | RegExp, options: Partial<PullOptions> = {}) {
  const { host } = new URL(mirror);
  const entry = entryOf(file, [mirror]);
  const error = await folder.pull(entry, options).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "download-failed" });
  const begin = "Expected net.pth from its mirror but ";
  const end = ` (${host}); get ${mirror} with a browser and run 'stylize weights pull net --from FILE'.`;
  expect(error.message.slice(0, begin.length)).toBe(begin);
  expect(error.message.slice(-end.length)).toBe(end);
  const said = error.message.slice(begin.length, -end.length);
  if (typeof clause === "string") expect(said).toBe(clause);
  else expect(said).toMatch(clause);
  const left = await folder.names();
  expect(left.filter((name) => !name.startsWith("net.pth.part"))).toEqual([]);
  expect(await cachedPath(entry, folder.path)).toBeUndefined();

  await using good = await TestServer.start(file);
  folder.notes = [];
  const noProxy = { no_proxy: good.host };
  const pulled = await folder.pull(entryOf(file, [mirror, good.url]), {
    ...options,
    env: { ...options.env, ...noProxy },
  });
  expect(pulled.fetched).toBe(true);
  expect(folder.notes[0]).toBe(`Expected net.pth from ${host} but ${said}.`);
  expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
  expect(await folder.names()).toEqual(["net.pth"]);
}

describe("a mirror that", () => {
  it.each<[string, Behaviour, string | RegExp]>([
    [
      "sends an HTML page",
      misbehave.body("<p>Sign in</p>", { "content-type": "text/html; charset=utf-8" }),
      "received an HTML page",
    ],
    [
      "sends an HTML page as if it were a file",
      misbehave.body("\n<!DOCTYPE html>", { "content-type": "application/octet-stream" }),
      "received an HTML page",
    ],
    ["says 401", misbehave.status(401), "received status 401: it wants a password"],
    ["says 403", misbehave.status(403), "received status 403: access is forbidden"],
    ["says 404", misbehave.status(404), "received status 404: there is no such file"],
    ["says 418", misbehave.status(418), "received status 418: which is no answer to such a request"],
    ["says 429", misbehave.status(429), "received status 429: too many requests"],
    ["says 500", misbehave.status(500), "received status 500: the server has a problem"],
    [
      "says 503 and to come back later",
      misbehave.status(503, { "retry-after": "120" }),
      "received status 503: the server has a problem; it may answer again in 120 s",
    ],
    [
      "says 503 again and again",
      misbehave.status(503, { "retry-after": "0" }),
      "received status 503: the server has a problem; it may answer again in 0 s",
    ],
    [
      "ends the connection early",
      misbehave.truncate(200_000),
      /^the connection (closed|was reset) after \d+ of 300000 bytes$/,
    ],
    [
      "ends early without a word",
      misbehave.truncateUnannounced(200_000),
      "the connection closed after 200000 of 300000 bytes",
    ],
    [
      "has other bytes",
      misbehave.corrupt,
      `received bytes with SHA-256 ${otherHash} instead of ${sha256Of(file)}`,
    ],
    [
      "has a file of another size",
      misbehave.body("0123456789"),
      "received an answer of 10 bytes instead of 300000",
    ],
    ["sends more and more", misbehave.tooLong, "received more than 300000 bytes"],
    ["compresses", misbehave.gzip, "received it compressed (gzip), which was not asked for"],
    [
      "sends a range that nobody asked for",
      misbehave.contentRange("bytes 5-9/10"),
      "received 'bytes 5-9/10' when asked for 'bytes 0-299999/300000'",
    ],
    [
      "sends a range without saying which",
      misbehave.contentRange(undefined),
      "received an unnamed range when asked for 'bytes 0-299999/300000'",
    ],
    ["redirects in a circle", misbehave.redirect(""), "was redirected more than 5 times"],
    [
      "redirects to nowhere",
      misbehave.redirect("http://"),
      "received status 302, a redirect without a usable address",
    ],
    [
      "redirects to a file of this machine",
      misbehave.redirect("file:///etc/passwd"),
      "was redirected from http: to file:, which is not safe",
    ],
    ["speaks something else", misbehave.notHttp, "received something other than HTTP"],
    ["resets the connection", misbehave.reset, "the connection was reset"],
  ])("%s", async (_, behaviour, clause) => {
    await using server = await TestServer.start(file, behaviour);
    await expectFailure(server.url, clause);
  });

  it.each<[string, Behaviour, string | RegExp]>([
    ["never answers", misbehave.silent, "received no answer within 0.4 s"],
    ["never comes to the end of its headers", misbehave.dripHeaders, "received no answer within 0.4 s"],
    ["stalls", misbehave.stall(1000), "received nothing for 0.3 s after 1000 of 300000 bytes"],
  ])("%s", async (_, behaviour, clause) => {
    await using server = await TestServer.start(file, behaviour);
    await expectFailure(server.url, clause, { timeouts: short });
  });

  it("refuses connections", async () => {
    let url = "";
    {
      await using server = await TestServer.start(file);
      ({ url } = server);
    }
    await expectFailure(url, "the connection was refused");
  });

  it("has a name that nobody knows", async () => {
    const tooLong = "a".repeat(64); // for a label of a name, so nobody is asked
    await expectFailure(`http://${tooLong}.localhost/net.pth`, "its name could not be resolved (DNS)");
  });

  it("has a certificate that nobody vouches for", async () => {
    await using server = await TestServer.start(file, undefined, testCertificate());
    const reason = "self-signed certificate (NODE_EXTRA_CA_CERTS names a file of further authorities)";
    await expectFailure(server.url, `its certificate was not accepted: ${reason}`);
  });

  it("doesn't speak TLS", async () => {
    await using server = await TestServer.start(file);
    const url = server.url.replace("http:", "https:");
    await expectFailure(url, "the secure connection failed: it does not speak TLS as expected");
  });

  it("takes connections but never gets as far as TLS", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).resume()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expectFailure(`https://127.0.0.1:${port}/net.pth`, "received no connection within 0.3 s", {
      timeouts: short,
    });
    server.close();
  });
});

describe("with a part on the disk, a mirror that", () => {
  it.each<[string, Behaviour, string]>([
    [
      "sends another range",
      misbehave.contentRange("bytes 0-299999/300000"),
      "received 'bytes 0-299999/300000' when asked for 'bytes 100000-299999/300000'",
    ],
    [
      "sends a range that makes no sense",
      misbehave.contentRange("bytes much"),
      "received 'bytes much' when asked for 'bytes 100000-299999/300000'",
    ],
    [
      "has a shorter file",
      misbehave.status(416, { "content-range": "bytes */50000" }),
      "its file has 50000 bytes instead of 300000",
    ],
    ["sends an HTML page", misbehave.body("<html>"), "received an HTML page"],
  ])("%s does not cost the part", async (_, behaviour, clause) => {
    await using server = await TestServer.start(file, behaviour);
    await using good = await TestServer.start(file);
    await folder.leavePart("net.pth", file.subarray(0, 100_000));
    await folder.pull(entryOf(file, [server.url, good.url]));
    expect(folder.notes).toEqual([`Expected net.pth from ${server.host} but ${clause}.`]);
    expect(good.ranges).toEqual(["bytes=100000-"]);
    expect(await folder.sha256("net.pth")).toBe(sha256Of(file));
  });

  it("refuses every range is left", async () => {
    await using server = await TestServer.start(file, misbehave.status(416));
    const entry = entryOf(file, [server.url], 1000);
    const clause = "received status 416: it does not send the range that was asked for";
    await expect(folder.pull(entry)).rejects.toThrow(clause);
  });
});

describe("a proxy that", () => {
  it.each([
    [407, "received status 407: a proxy wants a user name and a password"],
    [502, "received status 502: the server has a problem"],
  ])("says %i to a tunnel", async (refuse, clause) => {
    await using proxy = await TestProxy.start({ refuse });
    const env = { https_proxy: proxy.url };
    await expectFailure("https://a.example/net.pth", `through the proxy ${proxy.host} ${clause}`, { env });
    expect(proxy.requests[0]).toBe("CONNECT a.example:443");
  });

  it("says 407 to a plain request", async () => {
    await using proxy = await TestProxy.start({ refuse: 407 });
    const clause = "received status 407: a proxy wants a user name and a password";
    const env = { http_proxy: proxy.url };
    await expectFailure("http://a.example/net.pth", `through the proxy ${proxy.host} ${clause}`, { env });
    expect(proxy.requests[0]).toBe("GET http://a.example/net.pth");
  });

  it("never answers", async () => {
    await using proxy = await TestProxy.start({ silent: true });
    const options = { env: { https_proxy: proxy.url }, timeouts: short };
    const clause = `through the proxy ${proxy.host} received no answer within 0.4 s`;
    await expectFailure("https://a.example/net.pth", clause, options);
  });

  it("is not there", async () => {
    const env = { https_proxy: "http://127.0.0.1:1" };
    const clause = "through the proxy 127.0.0.1:1 the connection was refused";
    await expectFailure("https://a.example/net.pth", clause, { env });
  });

  it("is no address", async () => {
    const entry = entryOf(file, ["https://a.example/net.pth"]);
    await expect(folder.pull(entry, { env: { https_proxy: "socks5://127.0.0.1" } })).rejects.toMatchObject({
      code: "bad-option",
    });
  });
});

describe("when all mirrors fail", () => {
  it("the error names each of them", async () => {
    await using a = await TestServer.start(file, misbehave.status(404));
    await using b = await TestServer.start(file, misbehave.body("<html>"));
    await expect(folder.pull(entryOf(file, [a.url, b.url]))).rejects.toMatchObject({
      message:
        `Expected net.pth from one of 2 mirrors but received status 404: there is no such ` +
        `file (${a.host}), and received an HTML page (${b.host}); get ${a.url} with a browser and ` +
        `run 'stylize weights pull net --from FILE'.`,
    });
  });

  it("and there is none, the error says where to look", async () => {
    await expect(folder.pull(entryOf(file, []))).rejects.toMatchObject({
      code: "download-failed",
      message:
        "Expected net.pth from one of its mirrors but none is known; get it from " +
        "https://example.org/ with a browser and run 'stylize weights pull net --from FILE'.",
    });
  });

  it("a part of joined bytes is dropped and fetched anew once, not for ever", async () => {
    await using server = await TestServer.start(file, misbehave.corrupt);
    await folder.leavePart("net.pth", file.subarray(0, 100_000));
    await expect(folder.pull(entryOf(file, [server.url]))).rejects.toMatchObject({ code: "download-failed" });
    expect(server.ranges).toEqual(["bytes=100000-", undefined]);
    expect(await folder.names()).toEqual([]);
  });

  it("a mirror that breaks off without end is asked six times", async () => {
    await using server = await TestServer.start(file, misbehave.truncateRanges(1000));
    await expect(folder.pull(entryOf(file, [server.url]))).rejects.toThrow(
      "the connection closed after 6000 of 300000 bytes",
    );
    expect(server.requests.length).toBe(6);
  });
});
