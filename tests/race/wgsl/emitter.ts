/** Collects the generated code of a kernel. */

/** A place in the WGSL text that something may be told of at run time. */
export interface Site {
  readonly line: number;
  /** Of the variable there. */
  readonly name: string;
  /** Of a barrier. */
  readonly barrier?: BarrierKind;
}

/** What memory a barrier orders. */
export type BarrierKind = "storage" | "workgroup" | "texture";

/** A product of m x k by k x n. */
export interface MatrixProduct {
  readonly operand: string;
  readonly result: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export class Emitter {
  readonly sites: Site[] = [];
  /** Declarations of an invocation's arrays, and what else stands in front of all it does. */
  readonly hoisted: string[] = [];
  readonly first: string[] = [];
  /** What the kernel asks of the adapter's matrix units. */
  readonly products: MatrixProduct[] = [];
  /** Whether an invocation waits for others somewhere. */
  hasBarriers = false;
  #lines: string[] = [];
  #count = 0;

  get code(): string {
    return this.#lines.join("\n");
  }

  emit(line: string): void {
    this.#lines.push(line);
  }

  /** A name that nothing else has. */
  fresh(hint: string): string {
    return `${hint}_${this.#count++}`;
  }

  /** A new constant of that value. */
  temporary(code: string, hint = "t"): string {
    const name = this.fresh(hint);
    this.emit(`const ${name} = ${code};`);
    return name;
  }

  site(line: number, name: string, barrier?: BarrierKind): number {
    return this.sites.push({ line, name, ...(barrier && { barrier }) }) - 1;
  }

  /** The lines that `build` emits, which are taken out again. */
  captured(build: () => void): readonly string[] {
    const outer = this.#lines;
    this.#lines = [];
    try {
      build();
      return this.#lines;
    } finally {
      this.#lines = outer;
    }
  }
}
