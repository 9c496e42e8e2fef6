/** What Mesa's compiler for AMD says of the kernels that it compiled (`RADV_DEBUG=shaderstats`). */

/** Begins the line with the name of the kernel whose statistics follow. */
export const MARK = "@@kernel";

export interface Statistics {
  readonly name: string;
  readonly vgprs: number;
  readonly sgprs: number;
  readonly spilled: number;
  /** Bytes an invocation. */
  readonly scratch: number;
  /** Bytes of workgroup memory. */
  readonly lds: number;
  readonly codeBytes: number;
  readonly instructions: number;
  /** Subgroups that a SIMD can hold at once. */
  readonly subgroups: number;
  /** What the driver or WebGPU said instead. */
  readonly error: string | undefined;
}

/** By kernel, in the order of compilation. */
export function parseStatistics(text: string): readonly Statistics[] {
  return text
    .split(`${MARK} `)
    .slice(1)
    .map((part): Statistics => {
      const [name = ""] = part.split("\n");
      const numberOf = (key: string) => {
        const found = new RegExp(`^\\s*${key}: (\\d+)`, "m").exec(part)?.[1];
        return found === undefined ? Number.NaN : Number(found);
      };
      const statistics = {
        name,
        vgprs: numberOf("VGPRs"),
        sgprs: numberOf("SGPRs"),
        spilled: numberOf("Spilled SGPRs") + numberOf("Spilled VGPRs"),
        scratch: numberOf("Scratch size"),
        lds: numberOf("LDS size"),
        codeBytes: numberOf("Code size"),
        instructions: numberOf("Instructions"),
        subgroups: numberOf("Subgroups per SIMD"),
      };
      const told = /^error: (.*)$/m.exec(part)?.[1];
      const isMissing = Object.values(statistics).some(Number.isNaN);
      return { ...statistics, error: told ?? (isMissing ? "the driver gave no statistics" : undefined) };
    });
}

/** A sentence for each kernel that does not compile, or keeps values outside registers. */
export function problemsIn(all: readonly Statistics[]): readonly string[] {
  return all.flatMap(({ name, spilled, scratch, error }) => {
    if (error !== undefined) return [`${name} does not compile: ${error}`];
    if (spilled === 0 && scratch === 0) return [];
    return [`${name} spills ${spilled} registers and takes ${scratch} bytes of scratch memory.`];
  });
}
