/** The machine that pickles are written for: its values, its stack, its memo. */
import type { PickleCursor } from "./pickle-cursor.ts";

/** dict and OrderedDict: keys and values in turn, as they came. */
export class Dictionary {
  readonly items: unknown[] = [];
}

/** What REDUCE may call. */
export class PickleFunction {
  readonly call: (args: readonly unknown[]) => unknown;

  constructor(call: (args: readonly unknown[]) => unknown) {
    this.call = call;
  }
}

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

/** The state between two opcodes. */
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
    if (this.#stack.length <= this.#floor) this.damaged("takes more than it has put");
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
    if (mark === undefined) return this.damaged("lacks a MARK");
    return this.#stack.splice(mark);
  }

  damaged(what: string): never {
    return this.cursor.fail(`its pickle ${what}: it is damaged, get it again`);
  }

  refuse(what: string): never {
    return this.cursor.fail(`its pickle asks for ${what}, which could run code: it was not run`);
  }
}
