/** Reads a form of one file, as it arrives: multipart/form-data (RFC 7578) with exactly one part, named `file`. */
import type { UploadPolicy } from "./url-signer.ts";

/** An upload is not what its policy permits. */
export class UploadRefused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const maxHeadBytes = 4096;
/** What may follow the last boundary: `--` and a line break. */
const endings = ["--", "--\r\n"];

/** The boundary that a Content-Type header names. */
export function boundaryOf(contentType = ""): string {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;\s*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))\s*$/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new UploadRefused(415, "Expected multipart/form-data with a boundary.");
  return boundary;
}

/**
 * The file's bytes, in pieces; no more than a piece and a part's head is held at a time. Throws UploadRefused as soon
 * as the body is not of the form, the file not of the policy's type or larger than it says.
 */
export async function* readUpload(
  body: AsyncIterable<Buffer>,
  boundary: string,
  policy: Pick<UploadPolicy, "contentType" | "maxBytes">,
): AsyncGenerator<Buffer> {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let at: "head" | "file" | "end" = "head";
  let held: Buffer = Buffer.alloc(0);
  let size = 0;
  for await (const chunk of unbroken(body)) {
    held = Buffer.concat([held, chunk]);
    if (at === "head") {
      const length = held.indexOf("\r\n\r\n");
      if (Math.max(length, held.length - chunk.length) > maxHeadBytes) throw malformed("a shorter head");
      if (length < 0) continue;
      checkHead(held.toString("latin1", 0, length), boundary, policy.contentType);
      held = held.subarray(length + 4);
      at = "file";
    }
    if (at === "file") {
      const end = held.indexOf(delimiter);
      // The end of what is held may be the beginning of a delimiter.
      const piece = held.subarray(0, end < 0 ? Math.max(0, held.length - delimiter.length + 1) : end);
      size += piece.length;
      if (size > policy.maxBytes)
        throw new UploadRefused(413, `Expected a file of at most ${policy.maxBytes} bytes.`);
      if (piece.length > 0) yield piece;
      held = held.subarray(piece.length + (end < 0 ? 0 : delimiter.length));
      if (end >= 0) at = "end";
    }
    if (at === "end" && held.length > 4) throw malformed("nothing after the file");
  }
  if (at !== "end" || !endings.includes(held.toString("latin1"))) throw malformed("one whole file");
  if (size === 0) throw malformed("a file that is not empty");
}

async function* unbroken(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (cause) {
    throw Object.assign(new UploadRefused(400, "Expected a whole body."), { cause });
  }
}

function checkHead(head: string, boundary: string, contentType: string): void {
  const [first, ...lines] = head.split("\r\n");
  const headers = lines.map((line) => /^([a-z-]+):[ \t]*(.*?)[ \t]*$/i.exec(line)?.slice(1) ?? ["", ""]);
  const header = (name: string) => {
    const values = headers.filter(([other = ""]) => other.toLowerCase() === name).map(([, value]) => value);
    return values.length === 1 ? values[0] : undefined;
  };
  if (first !== `--${boundary}`) throw malformed("the boundary first");
  if (!/^form-data; name="file"; filename="[^"]*"$/i.test(header("content-disposition") ?? ""))
    throw malformed("one part named 'file' with a file name");
  if (header("content-type")?.toLowerCase() !== contentType)
    throw new UploadRefused(415, `Expected a file of type ${contentType}.`);
}

function malformed(expected: string): UploadRefused {
  return new UploadRefused(400, `Expected ${expected} in the form.`);
}
