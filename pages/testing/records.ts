/** Jobs that have succeeded, written as a service on one machine keeps them, while no gateway is there. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { type JobReference, keys } from "../../protocol/protocol.ts";
import { LocalJobStore } from "../../stores/local-job-store.ts";

export interface Painted {
  /** A JPEG file. */
  readonly content: Uint8Array;
  /** A PNG file. */
  readonly result: Uint8Array;
  readonly style: string;
  readonly isPrivate?: boolean;
  /** Milliseconds since 1970. */
  readonly endedAt: number;
}

/** `folder` is the gateway's `--data`. Returns what entitles to the jobs. */
export async function writeJobs(folder: string, jobs: readonly Painted[]): Promise<JobReference[]> {
  const store = new LocalJobStore({ folder: join(folder, "jobs"), retentionSeconds: 86_400 });
  const references: JobReference[] = [];
  for (const { content, result, style, isPrivate = false, endedAt } of jobs) {
    const jobId = randomBytes(16).toString("hex");
    const token = randomBytes(32).toString("base64url");
    const contentKey = keys.input(isPrivate, jobId, "image/jpeg");
    const resultKey = keys.output(isPrivate, jobId);
    const thumbnail = await sharp(result).resize(480, 480, { fit: "inside" }).jpeg().toBuffer();
    const objects: readonly (readonly [string, Uint8Array])[] = [
      [contentKey, content],
      [resultKey, result],
      [keys.thumbnail(isPrivate, jobId), thumbnail],
    ];
    for (const [key, bytes] of objects) {
      const path = join(folder, "objects", key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    await store.create({
      jobId,
      tokenHash: createHash("sha256").update(token).digest("hex"),
      client: "somebody",
      requestId: `test::${jobId}`,
      status: "succeeded",
      seq: 1,
      isPrivate,
      contentKey,
      resultKey,
      style,
      options: {},
      createdAt: endedAt - 60_000,
      startedAt: endedAt - 50_000,
      endedAt,
    });
    references.push({ jobId, token });
  }
  await store.close();
  return references;
}
