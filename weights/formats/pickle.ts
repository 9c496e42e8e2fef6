/**
 * Python's pickles, as far as state dicts need them: a stack machine that makes numbers, texts, tuples, lists and
 * dictionaries.
 *
 * A pickle is a program: it may call whatever it names. Here it can only name what its host hands out; the opcodes that
 * make objects of arbitrary classes don't exist. Everything it makes takes an opcode, so that the count of
 * opcodes bounds memory and time; nothing recurses, so that nesting bounds nothing.
 *
 * Of our own for security: what a pickle may name and how much it may take is decided here.
 *
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */

import { quoted } from "./byte-source.ts";
import type { PickleCursor } from "./pickle-cursor.ts";

const STOP = ".".charCodeAt(0);
/** A checkpoint of 10,000 tensors takes less than half a million. */
const MAX_STEPS = 2_000_000;

/**
 * The value of the pickle that begins at the cursor, which is left behind it.
 *
 * @throws StylizeError `bad-weights` if it is damaged or asks for what `host` refuses; MoreNeeded.
 */
export function unpickle(cursor: PickleCursor, host: PickleHost): unknown {
  const machine = new PickleMachine(cursor, host);
  for (let step = 0; step < MAX_STEPS; step++) {
    const code = cursor.u8();
    if (code === STOP) return machine.pop();
    const run = opcodes.get(code);
    if (!run) return cursor.damaged(`has an opcode 0x${code.toString(16).padStart(2, "0")}`);
    run(machine);
  }
  return cursor.fail(`its pickle takes more than ${MAX_STEPS} steps`);
}

/** dict and OrderedDict: keys and values in turn, as they came. */
export class Dictionary {
  readonly items: unknown[] = [];
}

/** What REDUCE may call: no opcode makes one. */
export type PickleFunction = (args: readonly unknown[]) => unknown;

/** What a pickle gets from outside. Both throw where they refuse. */
export interface PickleHost {
  /** A PickleFunction, or anything that the pickle just hands on. */
  global(module: string, name: string): unknown;
  persistent(id: unknown): unknown;
}

/** Tuples are frozen arrays, lists are not. */
export function isTuple(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && Object.isFrozen(value);
}

/** The state of the machine between two opcodes. */
export class PickleMachine {
  readonly cursor: PickleCursor;
  readonly host: PickleHost;
  readonly memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  /** Heights of the stack at which MARKs were set. */
  readonly #marks: number[] = [];

  constructor(cursor: PickleCursor, host: PickleHost) {
    this.cursor = cursor;
    this.host = host;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  get #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  top(): unknown {
    if (this.#stack.length <= this.#floor) this.cursor.damaged("takes more than it has put");
    return this.#stack.at(-1);
  }

  pop(): unknown {
    const value = this.top();
    this.#stack.length--;
    return value;
  }

  /** A pop that takes the MARK where nothing else is above it. */
  drop(): void {
    if (this.#stack.length > this.#floor) this.#stack.length--;
    else this.popMarked();
  }

  /** All above the last MARK, which is taken away. */
  popMarked(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) return this.cursor.damaged("lacks a MARK");
    return this.#stack.splice(mark);
  }
}

/** Bytes of an integer: LONG1 has up to 255. */
const MAX_INTEGER = 255;

type Run = (machine: PickleMachine) => void;

/** The refusal of an opcode that makes objects of any class. */
const refused =
  (name: string): Run =>
  (m) =>
    m.cursor.refuse(`the opcode ${name}`);

/** Protocols 1 to 5. What only protocol 0 has is left out: PyTorch can't write it. */
const table: Readonly<Record<string, Run>> = {
  "\x80": (m) => protocol(m),
  "\x95": (m) => frame(m),
  // the stack
  "(": (m) => m.mark(),
  "0": (m) => m.drop(),
  "1": (m) => void m.popMarked(),
  "2": (m) => m.push(m.top()),
  // the memo
  h: (m) => get(m, m.cursor.u8()),
  j: (m) => get(m, m.cursor.u32()),
  q: (m) => put(m, m.cursor.u8()),
  r: (m) => put(m, m.cursor.u32()),
  "\x94": (m) => put(m, m.memo.size),
  // numbers
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  I: (m) => decimal(m),
  L: (m) => decimal(m),
  J: (m) => m.push(m.cursor.i32()),
  K: (m) => m.push(m.cursor.u8()),
  M: (m) => m.push(m.cursor.u16()),
  G: (m) => m.push(m.cursor.f64()),
  "\x8a": (m) => integer(m, m.cursor.u8()),
  "\x8b": (m) => integer(m, m.cursor.i32()),
  // texts; T and U are those of Python 2
  T: (m) => m.push(m.cursor.text(m.cursor.i32())),
  U: (m) => m.push(m.cursor.text(m.cursor.u8())),
  X: (m) => m.push(m.cursor.text(m.cursor.u32())),
  "\x8c": (m) => m.push(m.cursor.text(m.cursor.u8())),
  "\x8d": (m) => m.push(m.cursor.text(m.cursor.u64())),
  B: (m) => m.push(m.cursor.take(m.cursor.u32())),
  C: (m) => m.push(m.cursor.take(m.cursor.u8())),
  "\x8e": (m) => m.push(m.cursor.take(m.cursor.u64())),
  // tuples, lists, dictionaries
  ")": (m) => m.push(Object.freeze([])),
  t: (m) => m.push(Object.freeze(m.popMarked())),
  "\x85": (m) => tuple(m, 1),
  "\x86": (m) => tuple(m, 2),
  "\x87": (m) => tuple(m, 3),
  "]": (m) => m.push([]),
  l: (m) => m.push(m.popMarked()),
  a: (m) => append(m, [m.pop()]),
  e: (m) => append(m, m.popMarked()),
  "}": (m) => m.push(new Dictionary()),
  d: (m) => dictionary(m),
  s: (m) => setItems(m, [m.pop(), m.pop()].reverse()),
  u: (m) => setItems(m, m.popMarked()),
  // what comes from outside
  c: (m) => m.push(m.host.global(m.cursor.line(), m.cursor.line())),
  "\x93": (m) => stackGlobal(m),
  Q: (m) => m.push(m.host.persistent(m.pop())),
  R: (m) => reduce(m),
  b: (m) => build(m),
  i: (m) => m.cursor.refuse(quoted(`${m.cursor.line()}.${m.cursor.line()}`)),
  o: refused("OBJ"),
  "\x81": refused("NEWOBJ"),
  "\x92": refused("NEWOBJ_EX"),
  "\x82": refused("EXT1"),
  "\x83": refused("EXT2"),
  "\x84": refused("EXT4"),
};

export const opcodes: ReadonlyMap<number, Run> = new Map(
  Object.entries(table).map(([character, run]) => [character.charCodeAt(0), run]),
);

function protocol(m: PickleMachine): void {
  const version = m.cursor.u8();
  if (version > 5) m.cursor.damaged(`has protocol ${version}`);
}

/** Frames only tell how much to read at once. */
function frame(m: PickleMachine): void {
  const length = m.cursor.u64();
  if (m.cursor.position + length > m.cursor.total) m.cursor.fail("its pickle is cut short: get it again");
}

function get(m: PickleMachine, index: number): void {
  if (!m.memo.has(index)) m.cursor.damaged(`lacks its memo ${index}`);
  m.push(m.memo.get(index));
}

function put(m: PickleMachine, index: number): void {
  m.memo.set(index, m.top());
}

/** Of protocol 1; "00" and "01" are its booleans. */
function decimal(m: PickleMachine): void {
  const line = m.cursor.line();
  if (!/^-?\d+L?$/.test(line)) m.cursor.damaged("has a number that is none");
  if (line === "00" || line === "01") m.push(line === "01");
  else m.push(narrowed(BigInt(line.replace("L", ""))));
}

/** Two's complement, little-endian. */
function integer(m: PickleMachine, length: number): void {
  if (length > MAX_INTEGER) m.cursor.damaged(`has an integer of ${length} bytes`);
  const bytes = Uint8Array.from(m.cursor.take(length)).reverse();
  const value = BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);
  m.push(narrowed(BigInt.asIntN(8 * length, value)));
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function tuple(m: PickleMachine, length: number): void {
  const items = Array.from({ length }, () => m.pop());
  m.push(Object.freeze(items.reverse()));
}

function append(m: PickleMachine, items: readonly unknown[]): void {
  const list = m.top();
  if (!Array.isArray(list) || isTuple(list)) m.cursor.damaged("appends to what is no list");
  for (const item of items) (list as unknown[]).push(item);
}

function dictionary(m: PickleMachine): void {
  const items = m.popMarked();
  m.push(new Dictionary());
  setItems(m, items);
}

function setItems(m: PickleMachine, items: readonly unknown[]): void {
  const target = m.top();
  if (!(target instanceof Dictionary)) m.cursor.damaged("sets items of what is no dictionary");
  if (items.length % 2 === 1) m.cursor.damaged("sets a key without a value");
  for (const item of items) target.items.push(item);
}

function stackGlobal(m: PickleMachine): void {
  const name = m.pop();
  const module = m.pop();
  if (typeof module !== "string" || typeof name !== "string") m.cursor.damaged("has a global without a name");
  m.push(m.host.global(module, name));
}

function reduce(m: PickleMachine): void {
  const args = m.pop();
  const called = m.pop();
  if (typeof called !== "function") m.cursor.damaged("calls what is no function");
  if (!isTuple(args)) m.cursor.damaged("calls a function without a tuple");
  m.push((called as PickleFunction)(args));
}

/** State dicts are OrderedDicts with an attribute `_metadata`, which holds nothing we need. */
function build(m: PickleMachine): void {
  const state = m.pop();
  if (!(m.top() instanceof Dictionary && state instanceof Dictionary))
    m.cursor.damaged("sets attributes of what is no OrderedDict");
}
