/**
 * Products of matrices that subgroups do together: the first invocation that comes does the work, the others have to
 * come with the same.
 */
import { halfBits, halves, roundHalf } from "../half.ts";
import { type Memory, SUBGROUPS, WatchedMemory } from "./memory.ts";

/** What a subgroup did, and what came of it. */
interface Operation {
  readonly site: number;
  readonly arguments: readonly unknown[];
  readonly result: Float32Array | undefined;
}

export type TellSubgroup = (
  kind: "not uniform in a subgroup" | "out of range" | "misaligned",
  site: number,
  who: number,
  details: string,
) => void;

/** A matrix in memory: the array's address in bytes, how many elements it has, and where in it the matrix begins. */
interface MatrixPlace {
  readonly memory: Memory;
  readonly bytes: number;
  readonly address: number;
  readonly count: number;
  readonly offset: number;
  readonly stride: number;
  readonly rows: number;
  readonly columns: number;
  readonly isColumnMajor: boolean;
}

/** The largest alignment that Vulkan asks for: VUID-RuntimeSpirv-OpCooperativeMatrixLoadKHR-08986. */
const MOST_ALIGNED = 16;

export class Subgroups {
  /** Invocations of one. */
  readonly size: number;
  readonly #tell: TellSubgroup;
  readonly #done: Operation[][];
  /** How many operations each invocation has come to since the last barrier. */
  readonly #next: Int32Array;
  readonly #zeros = new Map<number, Float32Array>();

  constructor(size: number, invocations: number, tell: TellSubgroup) {
    this.size = size;
    this.#tell = tell;
    this.#done = Array.from({ length: Math.ceil(invocations / size) }, () => []);
    this.#next = new Int32Array(invocations);
  }

  /** At a barrier, or the end: all of a subgroup must have come to all that it did. */
  end(): void {
    for (const [who, came] of this.#next.entries()) {
      const done = this.#done[Math.floor(who / this.size)]!;
      if (came !== done.length)
        this.#tell("not uniform in a subgroup", done[came]!.site, who, "not all invocations come here");
    }
    for (const done of this.#done) done.length = 0;
    this.#next.fill(0);
  }

  zero(count: number): Float32Array {
    const zero = this.#zeros.get(count) ?? new Float32Array(count);
    this.#zeros.set(count, zero);
    return zero;
  }

  #together(
    who: number,
    site: number,
    args: readonly unknown[],
    act: (agent: number) => Float32Array | undefined,
  ): Float32Array | undefined {
    const subgroup = Math.floor(who / this.size);
    const done = this.#done[subgroup]!;
    const at = this.#next[who]!++;
    const known = done[at];
    if (!known) {
      const result = act(SUBGROUPS + subgroup);
      done.push({ site, arguments: args, result });
      return result;
    }
    if (known.site !== site || args.some((argument, i) => argument !== known.arguments[i]))
      this.#tell("not uniform in a subgroup", site, who, "invocations come with different arguments");
    return known.result;
  }

  load(who: number, site: number, memory: Memory, ...rest: PlaceArguments): Float32Array {
    const matrix = this.#together(who, site, [memory, ...rest], (agent) => {
      const place = placeOf(memory, rest);
      const { rows, columns, bytes } = place;
      this.#check(place, site, who);
      const values = new Float32Array(rows * columns);
      eachElement(place, (address, i) => {
        if (memory instanceof WatchedMemory) memory.read(address, bytes, agent, site);
        values[i] = bytes === 2 ? halves[memory.u16[address >> 1]!]! : memory.f32[address >> 2]!;
      });
      return values;
    });
    return matrix!;
  }

  store(who: number, site: number, memory: Memory, ...rest: [...PlaceArguments, Float32Array]): void {
    this.#together(who, site, [memory, ...rest], (agent) => {
      const values = rest.at(-1) as Float32Array;
      const place = placeOf(memory, rest.slice(0, -1) as unknown as PlaceArguments);
      this.#check(place, site, who);
      eachElement(place, (address, i) => {
        if (memory instanceof WatchedMemory) memory.write(address, place.bytes, agent, site);
        if (place.bytes === 2) memory.u16[address >> 1] = halfBits(values[i]!);
        else memory.f32[address >> 2] = values[i]!;
      });
      return undefined;
    });
  }

  /** left * right + sum, summed up exactly and then rounded. */
  multiply(
    who: number,
    site: number,
    left: Float32Array,
    right: Float32Array,
    sum: Float32Array,
    m: number,
    n: number,
    k: number,
    isHalf: boolean,
  ): Float32Array {
    const matrix = this.#together(who, site, [left, right, sum], () => {
      const result = new Float32Array(m * n);
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let total = sum[row * n + column]!;
          for (let i = 0; i < k; i++) total += left[row * k + i]! * right[i * n + column]!;
          result[row * n + column] = isHalf ? roundHalf(total) : total;
        }
      }
      return result;
    });
    return matrix!;
  }

  #check(place: MatrixPlace, site: number, who: number): void {
    const { address, bytes, offset, stride, rows, columns, count, isColumnMajor } = place;
    const [lines, length] = isColumnMajor ? [columns, rows] : [rows, columns];
    const last = offset + (lines - 1) * stride + length - 1;
    if (last >= count) this.#tell("out of range", site, who, `element ${last} of ${count}`);
    const alignment = Math.min(MOST_ALIGNED, length * bytes);
    const isAligned = (address + offset * bytes) % alignment === 0 && (stride * bytes) % alignment === 0;
    if (!isAligned || stride < length)
      this.#tell(
        "misaligned",
        site,
        who,
        `offset ${offset} and stride ${stride} of ${length} x ${bytes} bytes`,
      );
  }
}

type PlaceArguments = readonly [
  bytes: number,
  address: number,
  count: number,
  offset: number,
  stride: number,
  rows: number,
  columns: number,
  isColumnMajor: boolean,
];

function placeOf(memory: Memory, rest: PlaceArguments): MatrixPlace {
  const [bytes, address, count, offset, stride, rows, columns, isColumnMajor] = rest;
  return { memory, bytes, address, count, offset, stride, rows, columns, isColumnMajor };
}

/** Calls `visit` with the address of each element inside, and its index row by row. */
function eachElement(place: MatrixPlace, visit: (address: number, i: number) => void): void {
  const { address, bytes, offset, stride, rows, columns, count, isColumnMajor } = place;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = offset + (isColumnMajor ? column * stride + row : row * stride + column);
      if (at < count) visit(address + at * bytes, row * columns + column);
    }
  }
}
