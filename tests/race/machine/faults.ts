/** What a run found. */

export type FaultKind =
  | "race within a workgroup"
  | "race between workgroups"
  | "out of range"
  | "division by zero"
  | "barrier not reached by all"
  | "not uniform in a subgroup"
  | "misaligned"
  | "invalid";

export interface Fault {
  readonly kind: FaultKind;
  readonly kernel: string;
  /** Of the shared variable, where there is one. */
  readonly buffer: string;
  /** File and line, or `line 7` of a text that is in no file. */
  readonly place: string;
  readonly line: number;
  readonly details: string;
}

export class FaultLog {
  readonly #faults = new Map<string, Fault>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Each once: the same of other invocations tells nothing new. */
  add(fault: Fault): void {
    const key = `${fault.kind} ${fault.kernel} ${fault.buffer} ${fault.place}`;
    if (!this.#faults.has(key)) this.#faults.set(key, fault);
  }

  get all(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  /** A sentence for each. */
  get sentences(): readonly string[] {
    return this.all.map(
      ({ kind, kernel, buffer, place, details }) =>
        `${kind} in '${kernel}', '${buffer}' at ${place}: ${details} (seed ${this.#seed})`,
    );
  }

  clear(): void {
    this.#faults.clear();
  }
}
