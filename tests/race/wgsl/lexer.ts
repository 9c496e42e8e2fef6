/** WGSL's text to tokens. */
import { WgslError } from "./error.ts";

export interface Token {
  readonly kind: "number" | "name" | "symbol" | "end";
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Index in the text. */
  readonly at: number;
}

const blank = /\s+|\/\/[^\n]*/y;
const number = /0[xX][0-9a-fA-F]+[iu]?|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[iufh]?/y;
const name = /[A-Za-z_]\w*/y;
// A `>` is always alone: it may close a template list. The parser joins it with what follows.
const symbol = /<<=|&&|\|\||==|!=|<=|<<|\+\+|--|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|->|[-+*/%&|^!~<>=(){}[\],;:.@]/y;

const patterns = [
  ["number", number],
  ["name", name],
  ["symbol", symbol],
] as const;

/** All tokens of a text, `end` last. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let at = 0;
  const skip = (length: number) => {
    for (let i = at; i < at + length; i++) if (text[i] === "\n") line++;
    at += length;
  };
  while (at < text.length) {
    const space = matchAt(blank, text, at)?.length ?? blockComment(text, at, line);
    if (space > 0) {
      skip(space);
      continue;
    }
    const token = tokenAt(text, at, line);
    tokens.push(token);
    skip(token.text.length);
  }
  tokens.push({ kind: "end", text: "the end", line, at });
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function tokenAt(text: string, at: number, line: number): Token {
  for (const [kind, pattern] of patterns) {
    const found = matchAt(pattern, text, at);
    if (found === undefined) continue;
    if (kind === "number" && /\w/.test(text[at + found.length] ?? ""))
      throw new WgslError(line, `Expected a number but received '${text.slice(at, at + found.length + 1)}'.`);
    return { kind, text: found, line, at };
  }
  throw new WgslError(line, `Expected a token but received '${text.slice(at, at + 10)}'.`);
}

/** Length of the block comment that begins here, others inside included; 0 where none does. */
function blockComment(text: string, start: number, line: number): number {
  if (!text.startsWith("/*", start)) return 0;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text.startsWith("/*", at)) {
      depth++;
      at++;
    } else if (text.startsWith("*/", at)) {
      depth--;
      at++;
      if (depth === 0) return at + 1 - start;
    }
  }
  throw new WgslError(line, "Expected the end of a comment but received none.");
}
