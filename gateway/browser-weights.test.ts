/** A network that browsers may fetch: whole, in ranges, once. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { vgg19 } from "../engine/network/layers.ts";
import type { Tensor } from "../weights/formats/safetensors.ts";
import { networkFile } from "../weights/load.ts";
import { shippedNetworks } from "../weights/shipped.ts";
import { encodeSafetensors, features } from "../weights/testing/tensors.ts";
import { BrowserWeights } from "./browser-weights.ts";
import { startSite, type TestSite } from "./testing/site.ts";

let folder: string;
let site: TestSite;
let content: Buffer;
let url: string;

/** VGG19 with one channel in each layer. */
function small(): Map<string, Tensor> {
  const result = new Map<string, Tensor>();
  for (const layer of vgg19) {
    const inChannels = layer.index === 0 ? 3 : 1;
    const data = new Float32Array(9 * inChannels).map((_, k) => layer.index + (k + 1) / 64); // no two alike
    result.set(`${features(layer)}.weight`, { shape: [1, inChannels, 3, 3], data });
    result.set(`${features(layer)}.bias`, { shape: [1], data: new Float32Array([layer.index]) });
  }
  return result;
}

const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-weights-"));
  content = Buffer.from(encodeSafetensors(small()));
  await writeFile(file("vgg19.safetensors"), content);
  site = await startSite(folder, "--browser-weights", file("vgg19.safetensors"));
  const told = (await (await fetch(`${site.url}/site.json`)).json()) as { weightsUrl: string };
  url = site.url + told.weightsUrl;
});
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const get = (headers: Record<string, string> = {}, method = "GET") => fetch(url, { method, headers });

describe("a network", () => {
  it("has the URL of its content, and is kept for good", async () => {
    const hash = createHash("sha256").update(content).digest("hex");
    expect(new URL(url).pathname).toBe(`/weights/${hash.slice(0, 32)}.safetensors`);
    const response = await get({ "Accept-Encoding": "br, gzip" });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": String(content.length),
      "cache-control": "public, max-age=31536000, immutable",
      "accept-ranges": "bytes",
    });
    const again = await get({ "If-None-Match": response.headers.get("etag")! });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it.each([
    ["bytes=0-9", 206, [0, 10]],
    ["bytes=100-", 206, [100, undefined]],
    ["bytes=-20", 206, [-20, undefined]],
    ["bytes=0-999999999", 206, [0, undefined]],
    ["bytes=-999999999", 206, [0, undefined]],
    ["bytes=9-0", 200, [0, undefined]],
    ["bytes=0-1,3-4", 200, [0, undefined]],
    ["bytes=-", 200, [0, undefined]],
    ["lines=0-1", 200, [0, undefined]],
  ] as const)("is sent in part for '%s', with status %d", async (range, status, [from, to]) => {
    const response = await get({ Range: range });
    const expected = content.subarray(from, to);
    const received = Buffer.from(await response.arrayBuffer());
    expect([response.status, received.equals(expected)]).toEqual([status, true]);
    const start = content.indexOf(expected);
    const told = `bytes ${start}-${start + expected.length - 1}/${content.length}`;
    expect(response.headers.get("content-range")).toBe(status === 206 ? told : null);
  });

  it("has nothing beyond its end", async () => {
    for (const range of [`bytes=${content.length}-`, "bytes=-0"]) {
      const { status, headers } = await get({ Range: range });
      expect([status, headers.get("content-range")]).toEqual([416, `bytes */${content.length}`]);
    }
  });

  it("is sent whole to who has part of another", async () => {
    const etag = (await get()).headers.get("etag")!;
    const some = { Range: "bytes=0-3" };
    expect((await get({ ...some, "If-Range": etag })).status).toBe(206);
    expect((await get({ ...some, "If-Range": '"other"' })).status).toBe(200);
  });

  it("has a head, and no neighbours", async () => {
    const head = await get({ Range: "bytes=0-3" }, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(content.length)]);
    for (const other of ["", "/", "/vgg19.safetensors"])
      expect((await fetch(`${site.url}/weights${other}`)).status).toBe(404);
    expect((await get({}, "POST")).status).toBe(404);
  });

  it("stays the same while its file is replaced", async () => {
    await writeFile(file("other.safetensors"), "something else");
    await rename(file("other.safetensors"), file("vgg19.safetensors"));
    expect(Buffer.from(await (await get()).arrayBuffer())).toEqual(content);
    await writeFile(file("vgg19.safetensors"), content);
  });

  it("may be given up halfway", async () => {
    const large = small().set("more", {
      shape: [5_000_000],
      data: new Float32Array(5_000_000),
    });
    await writeFile(file("large.safetensors"), encodeSafetensors(large));
    await using offering = await startSite(folder, "--browser-weights", file("large.safetensors"));
    const told = (await (await fetch(`${offering.url}/site.json`)).json()) as { weightsUrl: string };
    const socket = connect(offering.port, "127.0.0.1");
    socket.write(`GET ${told.weightsUrl} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
    const bytes = await (await fetch(offering.url + told.weightsUrl)).arrayBuffer();
    expect(bytes.byteLength).toBeGreaterThan(20_000_000);
    expect(offering.logged).toEqual([expect.stringContaining("not built")]);
  });
});

it.each(shippedNetworks)("may be narrower than VGG19: $name", async ({ name, sha256 }) => {
  const { path } = await networkFile(name, {});
  await using weights = await BrowserWeights.open(path);
  expect(weights.url).toBe(`/weights/${sha256.slice(0, 32)}.safetensors`);
});

describe("what is no network", () => {
  const refused = (path: string) => expect(BrowserWeights.open(path)).rejects;

  it("is refused at the start", async () => {
    const short = small();
    for (const name of ["weight", "bias"]) short.delete(`features.28.${name}`);
    await writeFile(file("short.safetensors"), encodeSafetensors(short));
    const wrong = small().set("features.7.bias", { shape: [2], data: new Float32Array(2) });
    await writeFile(file("wrong.safetensors"), encodeSafetensors(wrong));
    await writeFile(file("text.safetensors"), "hello");
    await writeFile(file("vgg19.bin"), await readFile(file("vgg19.safetensors")));
    await refused(file("none.safetensors")).toThrow(/Expected --browser-weights .*none\.safetensors/);
    await refused(folder).toThrow("Expected --browser-weights (STYLIZE_BROWSER_WEIGHTS) to be");
    await refused(file("vgg19.bin")).toThrow("vgg19.bin");
    await refused(file("text.safetensors")).toThrow("text.safetensors");
    await refused(file("short.safetensors")).toThrow(
      /^Expected --browser-weights .* to be a safetensors file of a network of VGG19's shape but received .*'features\.28\.weight'/,
    );
    await refused(file("wrong.safetensors")).toThrow(/'features\.7\.bias' in .* to be \[1\] but it is \[2\]/);
  });
});
