/** A process for tests: keeps what is written, and gets its signals by hand. */
import { EventEmitter } from "node:events";
import type { Io, Output } from "../cli/io.ts";

class TestOutput extends EventEmitter implements Output {
  text = "";
  readonly isTTY: boolean;
  readonly columns: number;
  onWrite: (text: string) => void = () => {};

  constructor(columns?: number) {
    super();
    this.isTTY = columns !== undefined;
    this.columns = columns ?? 80;
  }

  write(text: string): void {
    this.text += text;
    this.onWrite(text);
  }

  get lines(): string[] {
    return this.text.split("\n").filter((line) => line !== "");
  }
}

export class TestIo extends EventEmitter implements Io {
  readonly stdout = new TestOutput();
  readonly stderr: TestOutput;
  readonly env: Record<string, string> = {};
  /** Statuses that `exit` was called with. */
  readonly exits: number[] = [];

  /** `columns`: stderr is a terminal of that width. */
  constructor(columns?: number) {
    super();
    this.stderr = new TestOutput(columns);
  }

  exit(status: number): void {
    this.exits.push(status);
  }
}
