/**
 * The safetensors format: a length (u64), a JSON header that says where each tensor lies, then the tensors' bytes.
 *
 * Source: https://huggingface.co/docs/safetensors; like its reference implementation we refuse overlaps, holes and
 * bytes behind the last tensor.
 */
import { type ByteSource, badWeights, quoted } from "./byte-source.ts";
import { decodeFloats, elementSizes } from "./dtypes.ts";
import { areNaturals, elementsOf, readableTensor, type TensorFile, type TensorInfo } from "./tensor-file.ts";

/** Bytes before the header: its length. */
const PREFIX = 8;
/** The reference implementation refuses longer headers too. */
const MAX_HEADER = 100_000_000;

/** Reads the header. The tensors behind it may be cut short: that shows when one of them is read. */
export async function readSafetensors(source: ByteSource): Promise<TensorFile> {
  const { path, size } = source;
  const prefix = await source.read(0, PREFIX);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER)
    throw badWeights(
      `Expected a safetensors header of at most ${MAX_HEADER} bytes in '${path}' but it says ${length}.`,
    );
  const dataStart = PREFIX + length;
  const header = parseHeader(await source.read(PREFIX, dataStart), path, dataStart);
  const end = checkLayout(header.tensors, path, dataStart);
  if (size > end)
    throw badWeights(
      `Expected ${end} bytes in '${path}' as its header says but it has ${size}: it is damaged, get it again.`,
    );
  const file: TensorFile = {
    ...header,
    path,
    size,
    format: "safetensors",
    async read(name) {
      const { dtype, begin, end } = readableTensor(file, name);
      return decodeFloats(dtype, (await source.read(begin, end)).buffer);
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
  return file;
}

function parseHeader(bytes: Uint8Array, path: string, dataStart: number) {
  const header = parseObject(bytes, path);
  const { __metadata__: metadata, ...entries } = header;
  const tensors = Object.entries(entries)
    .map(([name, entry]): [string, TensorInfo] => [name, parseEntry(name, entry, path, dataStart)])
    .sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  return { tensors: new Map(tensors), metadata: parseMetadata(metadata, path) };
}

function parseObject(bytes: Uint8Array, path: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw badWeights(`Expected a JSON header in '${path}' but it can't be parsed.`, cause);
  }
  return header as Record<string, unknown>; // it starts with a brace
}

function parseMetadata(metadata: unknown, path: string): Readonly<Record<string, string>> {
  if (metadata === undefined || metadata === null) return {};
  const values = typeof metadata === "object" && !Array.isArray(metadata) ? Object.values(metadata) : [0];
  if (values.some((value) => typeof value !== "string"))
    throw badWeights(`Expected texts by name as __metadata__ in '${path}' but it holds something else.`);
  return metadata as Record<string, string>;
}

function parseEntry(name: string, entry: unknown, path: string, dataStart: number): TensorInfo {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const ok = typeof dtype === "string" && areNaturals(shape) && areNaturals(offsets) && offsets.length === 2;
  if (!ok)
    throw badWeights(
      `Expected dtype, shape and data_offsets of ${quoted(name)} in '${path}' but its header lacks them.`,
    );
  const [begin, end] = offsets as readonly [number, number];
  const size = elementSizes.get(dtype);
  const bytes = size === undefined ? end - begin : elementsOf(shape) * size;
  if (begin > end || end - begin !== bytes)
    throw badWeights(
      `Expected ${bytes} bytes for ${quoted(name)} [${shape}] in '${path}' but its offsets are ${begin} and ${end}.`,
    );
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Where the last tensor ends. `tensors`: in order of their offsets. */
function checkLayout(tensors: ReadonlyMap<string, TensorInfo>, path: string, dataStart: number): number {
  let end = dataStart;
  for (const [name, tensor] of tensors) {
    if (tensor.begin !== end)
      throw badWeights(
        `Expected ${quoted(name)} in '${path}' to begin where the tensor before it ends, at ` +
          `${end - dataStart}, but it begins at ${tensor.begin - dataStart}.`,
      );
    end = tensor.end;
  }
  return end;
}

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The bytes of a safetensors file that holds `tensors` as F32, in parts to be written one after the other.
 *
 * The tensors' parts are views of their data: nothing large is copied.
 */
export function safetensorsParts(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  let end = 0;
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const begin = end;
    end += data.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }];
  });
  const header = Object.fromEntries([["__metadata__", metadata], ...entries]);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8; // so that the tensors are aligned
  const start = new Uint8Array(PREFIX + length);
  new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
  start.fill(0x20, PREFIX).set(json, PREFIX);
  const data = [...tensors.values()].map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return [start, ...data];
}
