/**
 * The safetensors format: a length (u64), a JSON header that says where each tensor lies, then the tensors' bytes.
 *
 * Source: https://huggingface.co/docs/safetensors. Everything is little-endian, as is every platform Node.js has a WebGPU for.
 */
import { type FileHandle, open } from "node:fs/promises";
import { StylizeError } from "../engine/errors.ts";
import { notSafetensors } from "./foreign.ts";

export interface TensorInfo {
  /** As in the file: "F32". */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte offsets of its first byte and of the one after its last, from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

/** Bytes before the header: its length. */
const PREFIX = 8;
/** The reference implementation refuses longer headers too. */
const MAX_HEADER = 100_000_000;

/** dtype -> bytes an element, and how to widen or narrow them to f32. */
const decoders: Readonly<Record<string, { size: number; decode: (bytes: ArrayBuffer) => Float32Array }>> = {
  F32: { size: 4, decode: (bytes) => new Float32Array(bytes) },
  F64: { size: 8, decode: (bytes) => Float32Array.from(new Float64Array(bytes)) },
  F16: { size: 2, decode: (bytes) => Float32Array.from(new Uint16Array(bytes), halfToFloat) },
  BF16: { size: 2, decode: bfloat16ToFloat },
};

/** IEEE 754 binary16. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a binary32. */
function bfloat16ToFloat(bytes: ArrayBuffer): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer);
}

/** An open file, of which only the header has been read. */
export class SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Free text that the writer left. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: FileHandle;

  constructor(
    path: string,
    file: FileHandle,
    tensors: ReadonlyMap<string, TensorInfo>,
    metadata: Readonly<Record<string, string>>,
  ) {
    this.path = path;
    this.#file = file;
    this.tensors = tensors;
    this.metadata = metadata;
  }

  /** The tensor's values as f32, in the file's (row-major) order. Throws `bad-weights` if it is not there or of another type than a float. */
  async read(name: string): Promise<Float32Array> {
    const info = this.tensors.get(name);
    if (!info) throw bad(`Expected a tensor '${name}' in '${this.path}' but it has none of that name.`);
    const decoder = decoders[info.dtype];
    if (!decoder) {
      const known = Object.keys(decoders).join(", ");
      throw bad(`Expected '${name}' in '${this.path}' to be one of ${known} but it is ${info.dtype}.`);
    }
    return decoder.decode(await readBytes(this.#file, this.path, info.begin, info.end));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Opens a safetensors file and reads its header. The caller closes it.
 *
 * @throws StylizeError `file-not-found` or `bad-weights`, naming the file and what is wrong with it.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openFile(path);
  try {
    const info = await file.stat();
    if (info.isDirectory()) throw bad(`Expected a safetensors file but '${path}' is a folder.`);
    const { tensors, metadata } = await readHeader(file, path, info.size);
    return new SafetensorsFile(path, file, tensors, metadata);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new StylizeError("file-not-found", `Expected a safetensors file but there is no file '${path}'.`);
    const reason = code === "EACCES" ? "there is no permission to" : message;
    throw bad(`Expected to read '${path}' but ${reason}.`, cause);
  }
}

async function readHeader(file: FileHandle, path: string, size: number) {
  const start = new Uint8Array(await readBytes(file, path, 0, Math.min(size, 64)));
  const foreign = notSafetensors(start);
  if (foreign) throw bad(`Expected a safetensors file but '${path}' is ${foreign}.`);
  const length = Number(new DataView(start.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER)
    throw bad(
      `Expected a safetensors header of at most ${MAX_HEADER} bytes in '${path}' but it says ${length}.`,
    );
  if (PREFIX + length > size) throw cutShort(path, PREFIX + length, size);
  const text = new TextDecoder().decode(await readBytes(file, path, PREFIX, PREFIX + length));
  return parseHeader(text, path, PREFIX + length, size);
}

function parseHeader(text: string, path: string, dataStart: number, size: number) {
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw bad(`Expected a JSON header in '${path}' but it can't be parsed.`, cause);
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map(
    Object.entries(entries).map(([name, entry]) => [name, parseEntry(name, entry, path, dataStart)]),
  );
  const end = [...tensors.values()].reduce((most, tensor) => Math.max(most, tensor.end), dataStart);
  if (end > size) throw cutShort(path, end, size);
  return { tensors, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, entry: unknown, path: string, dataStart: number): TensorInfo {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const naturals = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
  const ok = typeof dtype === "string" && naturals(shape) && naturals(offsets) && offsets.length === 2;
  if (!ok)
    throw bad(`Expected dtype, shape and data_offsets of '${name}' in '${path}' but its header lacks them.`);
  const [begin, end] = offsets as [number, number];
  const elements = shape.reduce((product, n) => product * n, 1);
  const bytes = elements * (decoders[dtype]?.size ?? (end - begin) / elements);
  if (begin > end || (elements > 0 && end - begin !== bytes))
    throw bad(
      `Expected ${bytes} bytes for '${name}' [${shape}] in '${path}' but its offsets are ${begin} and ${end}.`,
    );
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

async function readBytes(file: FileHandle, path: string, begin: number, end: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(end - begin);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, begin + done);
    if (bytesRead === 0) throw cutShort(path, end, begin + done);
    done += bytesRead;
  }
  return bytes.buffer;
}

function cutShort(path: string, expected: number, received: number): StylizeError {
  return bad(
    `Expected at least ${expected} bytes in '${path}' but it has ${received}: it is cut short, get it again.`,
  );
}

function bad(message: string, cause?: unknown): StylizeError {
  return new StylizeError("bad-weights", message, { cause });
}

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The bytes of a safetensors file that holds `tensors` as F32. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8; // so that the tensors are aligned
  const bytes = new Uint8Array(PREFIX + length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, PREFIX, PREFIX + length).set(json, PREFIX);
  let at = PREFIX + length;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
