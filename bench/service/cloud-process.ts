/** S3 and SQS over the wire, in a process of their own. */
import { startFauxqs } from "../../stores/testing/s3.ts";
import { serve, tell, usage } from "./processes.ts";
import type { CloudPlace } from "./stores.ts";

export type CloudCalls = typeof calls;

const bucket = "pictures";
const { server, endpoint, region, credentials } = await startFauxqs();
server.createBucket(bucket);
const { queueUrl } = server.createQueue("news");
const calls = { usage };
serve(calls);
tell("ready", { endpoint, region, credentials, bucket, queueUrl } satisfies CloudPlace);
