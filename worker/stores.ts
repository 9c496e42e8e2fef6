/** The stores that the configuration names. */
import { FileMessageQueue } from "../stores/file-message-queue.ts";
import { FileObjectStore } from "../stores/file-object-store.ts";
import type { Publisher } from "../stores/message-queue.ts";
import type { ObjectStore } from "../stores/object-store.ts";
import { S3ObjectStore } from "../stores/s3-object-store.ts";
import { SqsMessageQueue } from "../stores/sqs-message-queue.ts";
import type { WorkerConfig } from "./config.ts";

/** Where AWS is not AWS's own, its SDK's variables say so. Throws StoreError. */
export async function openStores(
  { objects, queue }: WorkerConfig,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly objects: ObjectStore; readonly publisher: Publisher }> {
  return {
    objects:
      objects.kind === "file"
        ? await FileObjectStore.open(objects.folder, { baseUrl: noUrls })
        : new S3ObjectStore({ bucket: objects.bucket, endpoint: env.AWS_ENDPOINT_URL_S3 || undefined }),
    publisher:
      queue.kind === "file"
        ? new FileMessageQueue(queue.folder)
        : new SqsMessageQueue({ queueUrl: queue.url, endpoint: env.AWS_ENDPOINT_URL_SQS || undefined }),
  };
}

function noUrls(): never {
  throw new Error("Expected nobody to ask a worker for URLs.");
}
