/** S3 (and SQS) for tests, spoken to over the wire: fauxqs in this process, or moto where Python has it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { type FauxqsServer, startFauxqs as startServer } from "fauxqs";

/** What clients of a stand-in are made with. */
export interface StandIn extends AsyncDisposable {
  /** Of S3 and SQS alike. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The same for other processes. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Fauxqs extends StandIn {
  /** Makes and looks at buckets and queues. */
  readonly server: FauxqsServer;
}

const region = "us-east-1";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };

/** Checks no signatures, ignores If-None-Match and takes no upload forms. `port`: to come back where it was. */
export async function startFauxqs(port = 0): Promise<Fauxqs> {
  const server = await startServer({ port, logger: false });
  return { ...standIn(server.port), server, [Symbol.asyncDispose]: () => server.stop() };
}

export function hasMoto(): boolean {
  return spawnSync("python3", ["-c", "import moto.server, flask"]).status === 0;
}

/**
 * A bucket that everybody may read `public/` and `style/` of. Checks that there is a signature, but not which; respects
 * If-None-Match; takes upload forms of any content.
 */
export async function startMoto(bucket: string): Promise<StandIn> {
  const port = await freePort();
  const args = ["-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)];
  const child = spawn("python3", args, { stdio: ["ignore", "ignore", "pipe"] });
  const moto = { ...standIn(port), [Symbol.asyncDispose]: () => end(child) };
  try {
    await firstLine(child, "Running on");
    const client = new S3Client({ endpoint: moto.endpoint, region, credentials, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: publicPolicy(bucket) }));
    client.destroy();
    return moto;
  } catch (error) {
    await end(child);
    throw error;
  }
}

function publicPolicy(bucket: string): string {
  const Resource = ["public", "style"].map((prefix) => `arn:aws:s3:::${bucket}/${prefix}/*`);
  const Statement = [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

function standIn(port: number): Omit<StandIn, typeof Symbol.asyncDispose> {
  const endpoint = `http://127.0.0.1:${port}`;
  const environment = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ENDPOINT_URL_SQS: endpoint,
  };
  return { endpoint, region, credentials, environment };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("Expected a port.");
  return address.port;
}

/** Resolves once the child has written a line with `text`; the pipe is read on, so that it never fills. */
function firstLine(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    child.once("exit", () => reject(new Error(`Expected '${text}' but received:\n${lines.join("\n")}`)));
    createInterface({ input: child.stderr! }).on("line", (line) => {
      lines.push(line);
      if (line.includes(text)) resolve();
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
