/** Pickles and legacy files written opcode by opcode, for tests. */

/** Texts are taken as latin1, numbers as bytes. */
export function bytes(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  const buffers = parts.map((part) => {
    if (typeof part === "number") return Buffer.of(part);
    return typeof part === "string" ? Buffer.from(part, "latin1") : part;
  });
  return new Uint8Array(Buffer.concat(buffers));
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

/** BINUNICODE */
export function text(value: string): Uint8Array {
  const data = new TextEncoder().encode(value);
  return bytes("X", u32(data.length), data);
}

/** BININT */
export function int(value: number): Uint8Array {
  return bytes("J", u32(value));
}

/** TUPLE */
export function tuple(...items: readonly (string | Uint8Array)[]): Uint8Array {
  return bytes("(", ...items, "t");
}

/** EMPTY_DICT, SETITEMS */
export function dict(...items: readonly (string | Uint8Array)[]): Uint8Array {
  return bytes("}(", ...items, "u");
}

export function list(...items: readonly (string | Uint8Array)[]): Uint8Array {
  return bytes("](", ...items, "e");
}

/** A persistent id of a storage of floats. `view`: what legacy files have behind the count of elements. */
export function storage(key: string, elements: number, view?: Uint8Array, type = "FloatStorage"): Uint8Array {
  const id = [text("storage"), `ctorch\n${type}\n`, text(key), text("cpu"), int(elements)];
  return bytes(tuple(...id, ...(view ? [view] : [])), "Q");
}

/** A tensor by `_rebuild_tensor_v2`. */
export function tensor(
  storage: Uint8Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array {
  const args = [storage, int(offset), tuple(...shape.map(int)), tuple(...strides.map(int)), "\x89", "}"];
  return bytes("ctorch._utils\n_rebuild_tensor_v2\n", tuple(...args), "R");
}

/** PROTO 2 ... STOP */
export function pickle(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  return bytes("\x80\x02", ...parts, ".");
}

const head = bytes(
  "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
  "\x80\x02M\xe9\x03.",
  "\x80\x02}.",
);

/**
 * A legacy file of an object's pickle, the keys of its storages and their values, each by default with its true count.
 */
export function legacyFile(
  object: Uint8Array,
  storages: Readonly<Record<string, readonly number[]>> = {},
  countOf: (values: readonly number[]) => bigint = (values) => BigInt(values.length),
): Uint8Array {
  const keys = pickle(list(...Object.keys(storages).map(text)));
  const data = Object.values(storages).flatMap((values) => [
    u64(countOf(values)),
    new Uint8Array(Float32Array.from(values).buffer),
  ]);
  return bytes(head, object, keys, ...data);
}
