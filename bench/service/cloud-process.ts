/** S3 and SQS over the wire, in a process of their own. */
import { startFauxqs } from "../../stores/testing/s3.ts";
import { type CloudAnswer, usage } from "./processes.ts";

const bucket = "pictures";
const { server, endpoint, region, credentials } = await startFauxqs();
server.createBucket(bucket);
const { queueUrl } = server.createQueue("news");
process.once("disconnect", () => process.exit(1));
process.on("message", () => say({ kind: "usage", usage: usage() }));
say({ kind: "ready", place: { endpoint, region, credentials, bucket, queueUrl } });

function say(answer: CloudAnswer): void {
  process.send!(answer);
}
