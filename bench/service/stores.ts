/** The stores of a load test, opened alike by gateways and by the stand-in for the worker. */
import { join } from "node:path";
import { FileMessageQueue } from "../../stores/file-message-queue.ts";
import { FileObjectStore } from "../../stores/file-object-store.ts";
import type { MessageQueue } from "../../stores/message-queue.ts";
import type { ObjectStore } from "../../stores/object-store.ts";
import { S3ObjectStore } from "../../stores/s3-object-store.ts";
import { SqsMessageQueue } from "../../stores/sqs-message-queue.ts";

/** Where the stores are; what is not given is in files. */
export interface StorePlaces {
  readonly redis?: string;
  readonly cloud?: CloudPlace;
}

export interface CloudPlace {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly bucket: string;
  readonly queueUrl: string;
}

export interface Stores {
  readonly objects: ObjectStore;
  readonly messages: MessageQueue;
}

/** `baseUrl` of the URLs of files. */
export async function openStores(
  { cloud }: StorePlaces,
  folder: string,
  baseUrl: () => string,
  onError: (error: unknown) => void,
): Promise<Stores> {
  if (cloud === undefined)
    return {
      objects: await FileObjectStore.open(join(folder, "objects"), { baseUrl }),
      messages: new FileMessageQueue(join(folder, "messages"), { onError }),
    };
  const { endpoint, region, credentials, bucket, queueUrl } = cloud;
  const common = { endpoint, region, credentials };
  return {
    objects: new S3ObjectStore({ ...common, bucket }),
    messages: new SqsMessageQueue({ ...common, queueUrl, onError }),
  };
}
