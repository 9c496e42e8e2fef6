/** What the site allows its pages, says of itself and offers, with a store of files and with S3. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openContext } from "../engine/node.ts";
import type { Site } from "../protocol/protocol.ts";
import { S3ObjectStore } from "../stores/s3-object-store.ts";
import { startFauxqs } from "../stores/testing/s3.ts";
import { storeOrigins } from "./site.ts";
import { startSite } from "./testing/site.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-pages-"));
  await writeFile(join(folder, "index.html"), "<!doctype html>");
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(folder, { recursive: true }));

/** The Content-Security-Policy of an answer, by directive. */
function policyOf({ headers }: Response): Record<string, string[]> {
  const directives = headers.get("content-security-policy")!.split("; ");
  return Object.fromEntries(directives.map((text) => [text.split(" ")[0]!, text.split(" ").slice(1)]));
}

describe("the pages' policy", () => {
  it("allows themselves and a store on this machine, and nothing else", async () => {
    await using site = await startSite(folder);
    expect(policyOf(await fetch(site.url))).toEqual({
      "default-src": ["'none'"],
      "base-uri": ["'none'"],
      "form-action": ["'none'"],
      "frame-ancestors": ["'none'"],
      "script-src": ["'self'"],
      "style-src": ["'self'"],
      "worker-src": ["'self'"],
      "manifest-src": ["'self'"],
      "img-src": ["'self'", "blob:", "data:", site.url],
      "connect-src": ["'self'", site.url],
    });
  });

  it("names the public address, where there is one", async () => {
    await using site = await startSite(folder, "--public-url", "https://stylize.example/");
    const policy = policyOf(await fetch(site.url));
    expect(policy["connect-src"]).toEqual(["'self'", "https://stylize.example"]);
  });

  it("allows a bucket and the address that its public pictures have", async () => {
    await using s3 = await startFauxqs();
    s3.server.createBucket("pictures");
    for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value);
    const flags = [
      "--bucket",
      "pictures",
      "--s3-endpoint",
      s3.endpoint,
      "--cdn-url",
      "https://cdn.example/a",
    ];
    await using site = await startSite(folder, ...flags);
    const policy = policyOf(await fetch(site.url));
    expect(policy["connect-src"]).toEqual(["'self'", s3.endpoint, "https://cdn.example"]);
    expect(policy["img-src"]).toEqual(["'self'", "blob:", "data:", s3.endpoint, "https://cdn.example"]);
  });

  it("is found for a bucket of AWS without asking it", async () => {
    const credentials = { accessKeyId: "a", secretAccessKey: "b" };
    const store = (publicBase?: string) =>
      new S3ObjectStore({
        bucket: "pictures",
        region: "eu-central-1",
        credentials,
        publicBase,
        endpoint: undefined,
      });
    const bucket = "https://pictures.s3.eu-central-1.amazonaws.com";
    expect(await storeOrigins(store())).toEqual([bucket]);
    expect(await storeOrigins(store("https://cdn.example"))).toEqual(["https://cdn.example", bucket]);
  });

  it("is not for other answers, which may do nothing", async () => {
    await using site = await startSite(folder);
    for (const path of ["/healthz", "/site.json", "/metrics", "/none", "/objects/style/none.jpg"]) {
      const response = await fetch(site.url + path);
      const names = ["default-src", "base-uri", "form-action", "frame-ancestors"];
      expect([path, Object.keys(policyOf(response))]).toEqual([path, names]);
      await response.text();
    }
    const picture = await fetch(`${site.url}/objects/style/poppies.jpg`);
    expect(picture.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
    await picture.arrayBuffer();
  });
});

describe("headers of every answer", () => {
  it("keep other sites away, and browsers on https where they came by it", async () => {
    await using site = await startSite(folder);
    const { headers } = await fetch(site.url);
    expect(Object.fromEntries(headers)).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "permissions-policy": "camera=(), geolocation=(), microphone=()",
    });
    expect(headers.has("strict-transport-security")).toBe(false);
    const proxied = await fetch(site.url, { headers: { "X-Forwarded-Proto": "https" } });
    expect(proxied.headers.get("strict-transport-security")).toBe("max-age=31536000");
  });
});

describe("/site.json", () => {
  it("tells the limits", async () => {
    // The same size with and without a GPU: which there is here is not this test's business.
    const sizes = ["--max-size", "640", "--max-size-software", "640"];
    await using site = await startSite(folder, ...sizes, "--max-image-bytes", "5000000");
    const response = await fetch(`${site.url}/site.json`);
    expect(await response.json()).toEqual({
      maxImageBytes: 5_000_000,
      maxPixels: 50_000_000,
      maxSize: 640,
      maxSteps: 500,
      needsLogin: false,
    });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect((await fetch(`${site.url}/site.json`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${site.url}/site.json`, { method: "POST" })).status).toBe(404);
  });

  it("tells the size of what workers make here, with a GPU or without", async () => {
    await using site = await startSite(folder, "--max-size", "900", "--max-size-software", "300");
    using context = await openContext();
    const { maxSize } = (await (await fetch(`${site.url}/site.json`)).json()) as Site;
    expect(maxSize).toBe(context.isSoftware ? 300 : 900);
  });

  it("says that clients must log in", async () => {
    await using site = await startSite(folder, "--jwt-secret", "x".repeat(32));
    expect(await (await fetch(`${site.url}/site.json`)).json()).toMatchObject({ needsLogin: true });
  });
});
