/** Old objects go, and no others. */
import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileObjectStore } from "../stores/file-object-store.ts";
import { removeOld } from "./retention.ts";

const id = "0123456789abcdef".repeat(2);
const keys = [
  `private/input/${id}.jpg`,
  `private/upload/${id}.png`,
  `public/input/${id}.jpg`,
  `public/output/${id}.png`,
  "style/old.jpg",
];

async function left(ages: Readonly<Record<string, number>>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "stylize-retention-"));
  try {
    const objects = await FileObjectStore.open(folder, { baseUrl: () => "http://127.0.0.1" });
    for (const key of keys) {
      const contentType = key.endsWith("png") ? "image/png" : "image/jpeg";
      await objects.put(key, Buffer.from("picture"), { contentType });
      const days = ages[key] ?? 0;
      const at = new Date(Date.now() - days * 86_400_000);
      await utimes(join(folder, key), at, at);
    }
    await removeOld(objects, 7);
    const found = await Promise.all(keys.map(async (key) => ((await objects.head(key)) ? [key] : [])));
    return found.flat();
  } finally {
    await rm(folder, { recursive: true });
  }
}

it("keeps what is new", async () => {
  expect(await left({})).toEqual(keys);
});

it("removes uploads after a day and pictures of jobs after the time of retention, never styles", async () => {
  const ages = {
    [keys[0]!]: 9,
    [keys[1]!]: 1.1,
    [keys[2]!]: 7.5, // its record may be a day younger
    [keys[3]!]: 8.1,
    [keys[4]!]: 900,
  };
  expect(await left(ages)).toEqual([keys[2], keys[4]]);
});
