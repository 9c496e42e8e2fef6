/**
 * What programs are told in texts, by flags and variables: schemas of which each issue's message ends the sentence
 * "Expected NAME to be".
 */
import { z } from "zod";

export const text = z.string().optional();

export function integer(fallback: number, min: number, max: number) {
  return text.transform((value, context) => {
    const number = value === undefined ? fallback : Number(value);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    context.addIssue(`an integer from ${min} to ${max}`);
    return z.NEVER;
  });
}

/** One of the texts in `values`, as what it stands for. */
export function choice<T>(fallback: string, values: Readonly<Record<string, T>>) {
  return text.transform((value = fallback, context) => {
    if (Object.hasOwn(values, value)) return values[value]!;
    context.addIssue(`one of ${Object.keys(values).join(", ")}`);
    return z.NEVER;
  });
}

/** Levels of pino. */
export const logLevel = choice("info", {
  fatal: "fatal",
  error: "error",
  warn: "warn",
  info: "info",
  debug: "debug",
  silent: "silent",
} as const);

export class ConfigError extends Error {
  /** One sentence for each wrong value. */
  readonly sentences: readonly string[];

  constructor(sentences: readonly string[]) {
    super(sentences.join(" "));
    this.name = "ConfigError";
    this.sentences = sentences;
  }
}
