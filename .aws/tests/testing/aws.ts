/**
 * S3, SQS and Batch as their callers meet them in an account: behind one door that lets each caller do what its role
 * allows, and no more. Behind it are the stand-ins, which check nothing.
 *
 * A caller is known by the access key that it signs with; signatures are not checked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { like, type Statement } from "../policies.ts";

export interface Caller {
  readonly accessKey: string;
  readonly statements: readonly Statement[];
}

export interface DoorOptions {
  readonly callers: readonly Caller[];
  /** Of who signs nothing: CloudFront, whom the bucket's policy names. */
  readonly everybody: readonly Statement[];
  /** Endpoints of the stand-ins. */
  readonly s3: string;
  readonly sqs: string;
  readonly batch: string;
  /** The one queue that there is: how callers name it, and how the stand-in does. */
  readonly queue: { readonly arn: string; readonly url: string; readonly standIn: string };
}

interface Asked {
  readonly action: string;
  readonly resource: string;
}

export class AwsDoor implements AsyncDisposable {
  /** "accessKey action resource", of all that was let through. */
  readonly allowed = new Set<string>();
  /** The same of what was not. */
  readonly denied: string[] = [];
  readonly #options: DoorOptions;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
  });

  private constructor(options: DoorOptions) {
    this.#options = options;
  }

  static async open(options: DoorOptions): Promise<AwsDoor> {
    const door = new AwsDoor(options);
    await new Promise<void>((resolve) => door.#server.listen(0, "127.0.0.1", resolve));
    return door;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The pairs of an action and a pattern of resources that a caller was granted and had no use for. */
  unused({ accessKey, statements }: Caller): string[] {
    const used = [...this.allowed].map((line) => line.split(" ")).filter(([key]) => key === accessKey);
    return statements.flatMap(({ actions, resources }) =>
      actions.flatMap((action) =>
        resources
          .filter(
            (pattern) => !used.some(([, name, resource]) => name === action && like(pattern, resource!)),
          )
          .map((pattern) => `${action} ${pattern}`),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.endpoint);
    const body = await buffer(request);
    const form = await uploadForm(request, body);
    const [accessKey = "", service = "s3"] = credentialOf(request, url, form);
    const asked = this.#asked(service, request, url, body, form);
    if (!asked.every((each) => this.#may(accessKey, each))) return deny(response, service);
    const sent = service === "sqs" ? this.#renamed(body) : body;
    const target = this.#options[service === "sqs" ? "sqs" : service === "batch" ? "batch" : "s3"];
    const answer = form ? await put(target, url, form) : await pass(target, request, sent);
    const bucket = asked[0]!.resource.replace(/\/.*$/, "");
    // Who may not list is not told what isn't there.
    const mayList = this.#may(
      accessKey,
      { action: "s3:ListBucket", resource: bucket },
      answer.status === 404,
    );
    if (service === "s3" && answer.status === 404 && !mayList) return deny(response, service);
    response.writeHead(answer.status, headersOf(answer)).end(Buffer.from(await answer.arrayBuffer()));
  }

  #may(accessKey: string, { action, resource }: Asked, isCounted = true): boolean {
    const { callers, everybody } = this.#options;
    const statements = callers.find((caller) => caller.accessKey === accessKey)?.statements ?? everybody;
    const isAllowed = statements.some(
      ({ effect, actions, resources }) =>
        effect === "Allow" &&
        actions.includes(action) &&
        resources.some((pattern) => like(pattern, resource)),
    );
    const line = `${accessKey} ${action} ${resource}`;
    if (isCounted && isAllowed) this.allowed.add(line);
    if (isCounted && !isAllowed) this.denied.push(line);
    return isAllowed;
  }

  #renamed(body: Buffer): Buffer {
    return Buffer.from(
      JSON.stringify({ ...JSON.parse(body.toString()), QueueUrl: this.#options.queue.standIn }),
    );
  }

  /** What a request needs to be allowed. */
  #asked(
    service: string,
    { method = "", headers }: IncomingMessage,
    url: URL,
    body: Buffer,
    form: FormData | undefined,
  ): Asked[] {
    if (service === "sqs") {
      const operation = String(headers["x-amz-target"])
        .split(".")[1]!
        .replace(/Batch$/, "");
      const { arn, url: address } = this.#options.queue;
      const isOurs = JSON.parse(body.toString()).QueueUrl === address;
      return [{ action: `sqs:${operation}`, resource: isOurs ? arn : "another queue" }];
    }
    if (service === "batch") return batchAsked(url.pathname, JSON.parse(body.toString()));
    const [, bucket, ...path] = decodeURIComponent(url.pathname).split("/");
    const key = form ? String(form.get("key")) : path.join("/");
    const arn = `arn:aws:s3:::${bucket}`;
    if (key === "") return [{ action: "s3:ListBucket", resource: arn }];
    const actions: Record<string, string> = {
      GET: "Get",
      HEAD: "Get",
      PUT: "Put",
      POST: "Put",
      DELETE: "Delete",
    };
    return [{ action: `s3:${actions[method]}Object`, resource: `${arn}/${key}` }];
  }
}

const batchActions: Readonly<Record<string, string>> = {
  submitjob: "SubmitJob",
  describejobs: "DescribeJobs",
  describejobqueues: "DescribeJobQueues",
  terminatejob: "TerminateJob",
};

/** Batch looks at the queue and the definition of a job that is submitted, and at its tags. */
function batchAsked(path: string, input: Readonly<Record<string, unknown>>): Asked[] {
  const action = `batch:${batchActions[path.replace("/v1/", "")]}`;
  const jobs = "arn:aws:batch:us-east-1:123456789012:job/";
  if (action === "batch:TerminateJob") return [{ action, resource: `${jobs}${input.jobId}` }];
  if (action !== "batch:SubmitJob") return [{ action, resource: "*" }];
  const { jobQueue, jobDefinition, tags } = input as {
    jobQueue: string;
    jobDefinition: string;
    tags?: object;
  };
  // With or without the revision: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
  const names = [jobQueue, jobDefinition, jobDefinition.replace(/:\d+$/, "")];
  const asked = names.map((resource) => ({ action, resource }));
  return tags === undefined ? asked : [...asked, { action: "batch:TagResource", resource: `${jobs}new` }];
}

/** Access key and service of a signature (version 4) in the header, the query or the form. */
function credentialOf({ headers }: IncomingMessage, url: URL, form: FormData | undefined): string[] {
  const inHeader = /Credential=([^,\s]+)/.exec(headers.authorization ?? "")?.[1];
  const credential = inHeader ?? url.searchParams.get("X-Amz-Credential") ?? form?.get("X-Amz-Credential");
  if (typeof credential !== "string") return [];
  const [accessKey, , , service] = credential.split("/");
  return [accessKey!, service!];
}

async function uploadForm({ headers }: IncomingMessage, body: Buffer): Promise<FormData | undefined> {
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return undefined;
  return new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
}

/** S3's stand-in takes no forms. */
async function put(target: string, { pathname }: URL, form: FormData): Promise<Response> {
  const file = form.get("file") as File;
  const headers = { "content-type": String(form.get("Content-Type")) };
  const [, bucket] = pathname.split("/");
  const address = `${target}/${bucket}/${form.get("key")}`;
  await fetch(address, { method: "PUT", body: await file.arrayBuffer(), headers });
  return new Response(null, { status: 204 });
}

async function pass(target: string, { method = "", url, headers }: IncomingMessage, body: Buffer) {
  const dropped = ["host", "connection", "content-length", "transfer-encoding", "expect"];
  const kept = Object.entries(headers).filter(([name]) => !dropped.includes(name));
  const hasBody = method !== "GET" && method !== "HEAD";
  return fetch(`${target}${url}`, {
    method,
    headers: Object.fromEntries(kept) as Record<string, string>,
    ...(hasBody && { body: new Uint8Array(body) }),
  });
}

function headersOf({ headers }: Response): Record<string, string> {
  const dropped = ["connection", "content-encoding", "transfer-encoding", "keep-alive"];
  return Object.fromEntries([...headers].filter(([name]) => !dropped.includes(name)));
}

function deny(response: ServerResponse, service: string): void {
  const isXml = service === "s3";
  const body = isXml
    ? "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    : JSON.stringify({ __type: "AccessDeniedException", message: "not authorized to perform this" });
  const type = isXml ? "application/xml" : "application/x-amz-json-1.0";
  response.setHeader("x-amzn-errortype", "AccessDeniedException");
  response.writeHead(403, { "content-type": type }).end(body);
}
