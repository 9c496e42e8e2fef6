/** Progress on a terminal: one line that is drawn over and over, with others appearing above it. */
import type { Output } from "./io.ts";

export class StatusLine {
  readonly #out: Output;
  #text = "";

  constructor(out: Output) {
    this.#out = out;
  }

  /** A bar of which `share` (0 to 1) is full, and `text` behind it as far as the terminal is wide. */
  draw(share: number, text: string): void {
    const columns = (this.#out.columns ?? 80) - 1;
    const length = Math.min(30, columns - text.length - 3);
    const full = Math.round(length * share);
    this.#clear();
    this.#text =
      length < 5 ? text.slice(0, columns) : `[${"#".repeat(full)}${"-".repeat(length - full)}] ${text}`;
    this.#out.write(this.#text);
  }

  /** A line above the bar. */
  line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n${this.#text}`);
  }

  /** Leaves the bar as it is and the terminal on a line of its own. */
  end(): void {
    if (this.#text) this.#out.write("\n");
    this.#text = "";
  }

  #clear(): void {
    if (this.#text) this.#out.write("\r\x1b[K");
  }
}

/** 75 -> "1:15", 4000 -> "1:06:40". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  const rest = two(whole % 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`;
}
