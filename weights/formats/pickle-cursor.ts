/** Reads the arguments of a pickle's opcodes. Every length is checked before it is believed. */
import { badWeights } from "./byte-source.ts";

/** Lines hold names of globals and decimal numbers. */
const MAX_LINE = 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The pickle goes on beyond the bytes at hand, but not beyond those that it may have: get more of them and start again.
 */
export class MoreNeeded extends Error {}

/** A position in the bytes of pickles that follow one another. */
export class PickleCursor {
  readonly path: string;
  /** The start of the `total` bytes that the pickles may have. */
  readonly bytes: Uint8Array;
  readonly total: number;
  position = 0;
  readonly #view: DataView;

  constructor(path: string, bytes: Uint8Array, total: number) {
    this.path = path;
    this.bytes = bytes;
    this.total = total;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Throws `bad-weights`. `reason` follows "but". */
  fail(reason: string): never {
    throw badWeights(`Expected a state dict in '${this.path}' but ${reason}.`);
  }

  damaged(what: string): never {
    return this.fail(`its pickle ${what}: it is damaged, get it again`);
  }

  refuse(what: string): never {
    return this.fail(`its pickle asks for ${what}, which could run code: it was not run`);
  }

  /** Passes over `length` bytes and gives where they begin. */
  #advance(length: number): number {
    const begin = this.position;
    if (length < 0) this.damaged(`says a length of ${length}`);
    if (begin + length > this.total) this.fail("its pickle is cut short: get it again");
    if (begin + length > this.bytes.length) throw new MoreNeeded();
    this.position += length;
    return begin;
  }

  take(length: number): Uint8Array {
    const begin = this.#advance(length);
    return this.bytes.subarray(begin, begin + length);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** Rounded where it is above 2^53: no length that large passes. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** Big-endian, the only number in a pickle that is. */
  f64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      return this.damaged("has a text that isn't UTF-8");
    }
  }

  /** Up to the next line feed, which is passed over. */
  line(): string {
    const length = this.bytes.subarray(this.position, this.position + MAX_LINE).indexOf(0x0a);
    if (length >= 0) return this.text(length + 1).slice(0, -1);
    this.take(MAX_LINE);
    return this.damaged(`has a line of more than ${MAX_LINE} bytes`);
  }
}
