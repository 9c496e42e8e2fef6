import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildPages } from "../testing-pages.ts";

it("all scripts together, apart from the shaders, are less than 150 kB compressed", async () => {
  await using pages = await buildPages();
  const assets = join(pages.folder, "assets");
  const scripts = (await readdir(assets)).filter((name) => name.endsWith(".js.gz"));
  const others = scripts.filter((name) => !name.startsWith("shaders-"));
  expect(scripts.length - others.length).toBe(1);
  const sizes = await Promise.all(others.map(async (name) => (await stat(join(assets, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(150_000);
});
