/**
 * Python's pickles, as far as state dicts need them: a stack machine that makes numbers, texts, tuples, lists and
 * dictionaries.
 *
 * A pickle is a program: it may call whatever it names. Here it can only name what its host hands out; the opcodes that
 * make objects of arbitrary classes don't exist. Everything it makes takes an opcode, so that the count of
 * opcodes bounds memory and time; nothing recurses, so that nesting bounds nothing.
 *
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */

import type { PickleCursor } from "./pickle-cursor.ts";
import { type PickleHost, PickleMachine } from "./pickle-machine.ts";
import { opcodes } from "./pickle-opcodes.ts";

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
    if (!run) return machine.damaged(`has an opcode 0x${code.toString(16).padStart(2, "0")}`);
    run(machine);
  }
  return cursor.fail(`its pickle takes more than ${MAX_STEPS} steps`);
}
