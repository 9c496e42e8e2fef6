/** The stores that the configuration names. */
import { FileMessageQueue } from "../stores/file-message-queue.ts";
import { FileObjectStore } from "../stores/file-object-store.ts";
import type { Publisher } from "../stores/message-queue.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import type { WorkerConfig } from "./config.ts";

/**
 * Where AWS is not AWS's own, its SDK's variables say so. Only who needs the SDK loads it, which takes a third of a
 * second of a core. Throws StoreError.
 */
export async function openStores(
  { objects, queue }: WorkerConfig,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly objects: ObjectStore; readonly publisher: Publisher }> {
  return {
    objects:
      objects.kind === "file"
        ? await FileObjectStore.open(objects.folder, { baseUrl: noUrls })
        : await openBucket(objects.bucket, env.AWS_ENDPOINT_URL_S3 || undefined),
    publisher:
      queue.kind === "file"
        ? new FileMessageQueue(queue.folder)
        : await openSqs(queue.url, env.AWS_ENDPOINT_URL_SQS || undefined),
  };
}

async function openBucket(bucket: string, endpoint: string | undefined): Promise<ObjectStore> {
  const { S3ObjectStore } = await import("../stores/s3-object-store.ts");
  return new S3ObjectStore({ bucket, endpoint });
}

async function openSqs(queueUrl: string, endpoint: string | undefined): Promise<Publisher> {
  const { SqsMessageQueue } = await import("../stores/sqs-message-queue.ts");
  return new SqsMessageQueue({ queueUrl, endpoint });
}

function noUrls(): never {
  throw new Error("Expected nobody to ask a worker for URLs.");
}
