/** A network for browsers that paint by themselves: one file, whole or in ranges, under a URL of its content. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../common/config-values.ts";
import { answeredByCache, ignoreAbort } from "../common/http-answers.ts";
import { StylizeError } from "../engine/errors.ts";
import { openTensorFile } from "../weights/formats/open.ts";
import { findNetwork, neededOf } from "../weights/network-file.ts";
import { variableOf } from "./config.ts";
import type { Route } from "./http.ts";

/** Bytes that are read at a time. */
const PIECE = 1 << 18;

/** The file stays open: what replaces it is another network, and would need another URL. */
export class BrowserWeights implements AsyncDisposable {
  /** The same for all gateways that offer the same file. */
  readonly url: string;
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #etag: string;

  private constructor(handle: FileHandle, size: number, fingerprint: string) {
    this.url = `/weights/${fingerprint}.safetensors`;
    this.#handle = handle;
    this.#size = size;
    this.#etag = `"${fingerprint}"`;
  }

  /** Reads the file once, for its fingerprint. Throws ConfigError for what is no safetensors of VGG19's shape. */
  static async open(path: string): Promise<BrowserWeights> {
    await requireNetwork(path);
    const handle = await open(path);
    const hash = createHash("sha256");
    let size = 0;
    for await (const piece of handle.createReadStream({ start: 0, autoClose: false })) {
      hash.update(piece);
      size += piece.length;
    }
    return new BrowserWeights(handle, size, hash.digest("hex").slice(0, 32));
  }

  readonly route: Route = async (request, response) => {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead || request.url?.split("?", 1)[0] !== this.url) return false;
    response.setHeader("Accept-Ranges", "bytes");
    const isKnown = answeredByCache(response, this.#etag, "public, max-age=31536000, immutable");
    if (!isKnown) await this.#send(request, response);
    return true;
  };

  async #send({ method, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { range, "if-range": condition = this.#etag } = headers;
    const wanted = condition === this.#etag && method === "GET" ? rangeOf(range, this.#size) : "all";
    if (wanted === "none") {
      response.writeHead(416, { "Content-Range": `bytes */${this.#size}` }).end();
      return;
    }
    const { start, end } = wanted === "all" ? { start: 0, end: this.#size - 1 } : wanted;
    if (wanted !== "all") response.setHeader("Content-Range", `bytes ${start}-${end}/${this.#size}`);
    response.writeHead(wanted === "all" ? 200 : 206, {
      "Content-Type": "application/octet-stream",
      "Content-Length": end - start + 1,
    });
    if (method === "HEAD") response.end();
    else await pipeline(this.#read(start, end), response).catch(ignoreAbort);
  }

  /** A stream of the handle would close it when it is given up halfway. */
  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    let position = start;
    while (position <= end) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, end - position + 1));
      const { bytesRead } = await this.#handle.read(piece, 0, piece.length, position);
      if (bytesRead === 0) throw new Error("Expected a file of weights to keep its size.");
      yield piece.subarray(0, bytesRead);
      position += bytesRead;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** One range of bytes (RFC 9110, 14.1.2), its end included; several, and other units, are answered with all. */
function rangeOf(
  header = "",
  size: number,
): { readonly start: number; readonly end: number } | "all" | "none" {
  const [, from = "", to = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? [];
  if (from === "" && to === "") return "all";
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return "all";
  return start > end ? "none" : { start, end };
}

async function requireNetwork(path: string): Promise<void> {
  const refuse = (received: string) =>
    new ConfigError([
      `Expected --browser-weights (${variableOf("browser-weights")}) to be a safetensors file ` +
        `of a network of VGG19's shape but received ${received}`,
    ]);
  if (extname(path) !== ".safetensors") throw refuse(`'${path}'.`);
  try {
    await using file = await openTensorFile(path);
    if (file.format !== "safetensors") throw refuse(`'${path}', which is of another format.`);
    neededOf(file, findNetwork(file));
  } catch (error) {
    throw error instanceof StylizeError ? refuse(`'${path}': ${error.message}`) : error;
  }
}
