/** A service for screenshots, with pictures that were painted before and jobs in every state. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { dataUrl, TestClient, until } from "../gateway/testing/client.ts";
import { GatewayProcess } from "../gateway/testing/process.ts";
import type { JobReference } from "../protocol/protocol.ts";
import { type Painted, writeJobs } from "./testing/records.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Painting takes minutes on a processor: what was painted is kept here. */
const cache = join(tmpdir(), "stylize-screens");

const pairs = [
  ["chelsea", "great-wave"],
  ["astronaut", "auvers"],
  ["coffee", "auvers"],
  ["chelsea", "poppies"],
  ["astronaut", "poppies"],
  ["coffee", "great-wave"],
] as const;

export const example = (name: string) => join(root, "examples", `${name}.jpg`);

/** As if there were a GPU. */
const flags = ["--workers", "2", "--max-size-software", "1536"];

async function painting(content: string, style: string): Promise<Buffer> {
  const path = join(cache, `${content}-${style}.png`);
  if (await stat(path).catch(() => undefined)) return readFile(path);
  await mkdir(cache, { recursive: true });
  const own = ["cli/main.ts", example(content), "--style", example(style), "-o", path];
  const args = ["--import", "tsx", ...own, "--size", "256", "--min-size", "256", "--steps", "20"];
  await promisify(execFile)(process.execPath, args, { cwd: root });
  return readFile(path);
}

async function painted(content: string, style: string, minutesAgo: number): Promise<Painted> {
  return {
    content: await readFile(example(content)),
    result: await painting(content, style),
    style: `${style}.jpg`,
    endedAt: Date.now() - minutesAgo * 60_000,
  };
}

/** The public ones, the newest first. */
async function wall(): Promise<Painted[]> {
  const all: Painted[] = [];
  for (let i = 0; i < 18; i++) {
    const [content, style] = pairs[i % pairs.length]!;
    all.push(await painted(content, style, 2 + 7 * i * i));
  }
  return all;
}

export interface ScreensSite extends AsyncDisposable {
  readonly url: string;
  readonly jobs: Readonly<
    Record<"done" | "painting" | "silent" | "queued" | "failed" | "cancelled" | "gone", JobReference>
  >;
}

/** `pages` is the folder of the built pages. */
export async function startScreensSite(pages: string): Promise<ScreensSite> {
  const folder = await mkdtemp(join(tmpdir(), "stylize-screens-"));
  await writeJobs(folder, await wall());
  const own = { ...(await painted("chelsea", "great-wave", 4)), isPrivate: true };
  const [done] = await writeJobs(folder, [own]);
  const preview = await sharp(own.result)
    .resize(256)
    .blur(1.2)
    .modulate({ saturation: 0.8 })
    .jpeg()
    .toBuffer();
  await writeFile(join(folder, "preview.jpg"), preview);
  const gateway = await GatewayProcess.start([...flags, "--data", folder], {
    TEST_WORKER: "pages/screens-worker.ts",
    TEST_PREVIEW: join(folder, "preview.jpg"),
    TEST_PAGES: pages,
  });
  const client = await TestClient.connect(gateway.port);
  const start = async (content: string, style: string, steps?: number) =>
    client.start({
      image: dataUrl(await readFile(example(content))),
      style: `${style}.jpg`,
      isPrivate: true,
      options: { size: 768, ...(steps && { steps }) },
    });
  const failed = await start("coffee", "poppies", 1);
  await until(async () => (await client.job(failed)).status === "failed", "the end of a job");
  const painting = await start("chelsea", "great-wave");
  await until(async () => (await client.job(painting)).step !== undefined, "a worker's word");
  const silent = await start("astronaut", "auvers", 2);
  await until(async () => (await client.job(silent)).status !== "queued", "a worker");
  const cancelled = await start("coffee", "auvers");
  await client.get("CANCEL_JOB", { jobId: cancelled.jobId, token: cancelled.token });
  const queued = await start("astronaut", "poppies");
  const gone = { jobId: "0".repeat(32), token: "0".repeat(43) };
  return {
    url: `http://127.0.0.1:${gateway.port}`,
    jobs: { done: done!, painting, silent, queued, failed, cancelled, gone },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await gateway[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
