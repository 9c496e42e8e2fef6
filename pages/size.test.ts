import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildPages, type TestPages } from "../gateway/testing/pages.ts";
import { shippedNetworks } from "../weights/shipped.ts";

let pages: TestPages;
let assets: string;
let names: readonly string[];
beforeAll(async () => {
  pages = await buildPages();
  assets = join(pages.folder, "assets");
  names = await readdir(assets);
});
afterAll(() => pages?.[Symbol.asyncDispose]());

it("all scripts together, apart from the shaders, are less than 100 kB compressed", async () => {
  const scripts = names.filter((name) => name.endsWith(".js.gz"));
  const others = scripts.filter((name) => !name.startsWith("shaders-"));
  expect(scripts.length - others.length).toBe(1);
  const sizes = await Promise.all(others.map(async (name) => (await stat(join(assets, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(100_000);
});

it("the networks that ship are files of their own, once each and as they are", async () => {
  const files = names.filter((name) => name.includes(".safetensors"));
  expect(files).toHaveLength(shippedNetworks.length);
  for (const { name, file } of shippedNetworks) {
    const built = files.filter((each) => new RegExp(`^${name}-[\\w-]{8}\\.safetensors$`).test(each));
    expect(built).toHaveLength(1);
    const source = await readFile(new URL(`../weights/compact/${file}`, import.meta.url));
    expect((await readFile(join(assets, built[0]!))).equals(source)).toBe(true);
  }
});
