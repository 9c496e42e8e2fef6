/** What is wrong with a WGSL text, or unknown to this compiler. */
export class WgslError extends Error {
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}
