/** Tokens to expressions, by WGSL's grammar: which operators may stand side by side without parentheses included. */
import { WgslError } from "./error.ts";
import { type Token, tokensOf } from "./lexer.ts";
import type { Expression, LiteralType, Name } from "./syntax.ts";

/** Names that a template list may follow. */
const templated = /^(vec[234]|mat[234]x[234]|array|atomic|ptr|bitcast|texture_\w+|subgroup_?[mM]atrix\w*)$/;

const keywords = new Set(
  (
    "alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if " +
    "let loop override requires return struct switch true var while"
  ).split(" "),
);

const levels = ["||", "&&", "|", "^", "&", "== != < > <= >=", "<< >>", "+ -", "* / %"].map((operators) =>
  operators.split(" "),
);
const [OR, AND, BIT_OR, BIT_XOR, BIT_AND, RELATION, SHIFT, SUM, PRODUCT] = levels.keys() as Iterable<number>;
const levelOf = (operator: string): number => levels.findIndex((operators) => operators.includes(operator));

/** Levels of the operators that may stand inside one of a level without parentheses. */
const within: ReadonlyMap<number | undefined, readonly (number | undefined)[]> = new Map([
  [OR, [OR, RELATION, SHIFT, SUM, PRODUCT]],
  [AND, [AND, RELATION, SHIFT, SUM, PRODUCT]],
  [BIT_OR, [BIT_OR]],
  [BIT_XOR, [BIT_XOR]],
  [BIT_AND, [BIT_AND]],
  [RELATION, [SHIFT, SUM, PRODUCT]],
  [SHIFT, []],
  [SUM, [SUM, PRODUCT]],
  [PRODUCT, [PRODUCT]],
]);

export class ExpressionParser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
  }

  get token(): Token {
    return this.#tokens[this.#next]!;
  }

  get line(): number {
    return this.token.line;
  }

  fail(expected: string): never {
    throw new WgslError(this.line, `Expected ${expected} but received '${this.token.text}'.`);
  }

  /** Whether the next token is `text`, or the symbol made of several of them: `>>=`. */
  sees(text: string): boolean {
    const { at } = this.token;
    if (!text.startsWith(">") || text.length === 1)
      return this.token.text === text && this.token.kind !== "number";
    return [...text].every((character, i) => {
      const token = this.#tokens[this.#next + i];
      return token?.text === character && token.at === at + i;
    });
  }

  takes(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#next += text.startsWith(">") ? text.length : 1;
    return true;
  }

  expect(text: string): void {
    if (!this.takes(text)) this.fail(`'${text}'`);
  }

  identifier(): string {
    const { kind, text } = this.token;
    if (kind !== "name" || keywords.has(text)) this.fail("a name");
    this.#next++;
    return text;
  }

  /** What `parse` reads, separated by commas, up to `end`. */
  list<T>(end: string, parse: () => T): T[] {
    const items: T[] = [];
    while (!this.takes(end)) {
      items.push(parse());
      if (!this.takes(",")) {
        this.expect(end);
        break;
      }
    }
    return items;
  }

  /** A name and its template list: a type, or what is called. */
  name(): Name {
    const { line } = this;
    const name = this.identifier();
    const isTemplate = templated.test(name) && this.takes("<");
    return { kind: "name", line, name, template: isTemplate ? this.list(">", () => this.#binary(SUM!)) : [] };
  }

  expression(): Expression {
    return this.#binary(0);
  }

  #binary(least: number): Expression {
    let left = this.unary();
    for (;;) {
      const { line } = this;
      const operator = this.#operator(least);
      if (!operator) return left;
      const level = levelOf(operator);
      this.takes(operator);
      const right = this.#binary(level + 1);
      for (const operand of [left, right]) {
        if (operand.kind === "binary" && !within.get(level)!.includes(levelOf(operand.operator)))
          throw new WgslError(
            line,
            `Expected parentheses between '${operand.operator}' and '${operator}' but received none.`,
          );
      }
      left = { kind: "binary", line, operator, left, right };
    }
  }

  #operator(least: number): string | undefined {
    if (this.sees(">>=")) return undefined;
    const operators = levels.slice(least).flat();
    const longestFirst = operators.sort((a, b) => b.length - a.length);
    return longestFirst.find((operator) => this.sees(operator));
  }

  unary(): Expression {
    const { line } = this;
    const operator = ["-", "!", "~", "&", "*"].find((text) => this.takes(text));
    if (operator) return { kind: "unary", line, operator, operand: this.unary() };
    return this.#postfix(this.#primary());
  }

  #postfix(inner: Expression): Expression {
    let object = inner;
    for (;;) {
      const { line } = this;
      if (this.takes("[")) {
        object = { kind: "index", line, object, index: this.expression() };
        this.expect("]");
      } else if (this.takes(".")) object = { kind: "member", line, object, member: this.identifier() };
      else return object;
    }
  }

  #primary(): Expression {
    const { line } = this;
    if (this.token.kind === "number") return this.#literal();
    for (const value of [true, false])
      if (this.takes(String(value))) return { kind: "literal", line, type: "bool", value };
    if (this.takes("(")) {
      const inner = this.expression();
      this.expect(")");
      return { kind: "parentheses", line, inner };
    }
    const callee = this.name();
    if (!this.takes("(")) return callee;
    return { kind: "call", line, callee, args: this.list(")", () => this.expression()) };
  }

  #literal(): Expression {
    const { text, line } = this.token;
    const isHex = /^0x/i.test(text);
    const suffix = (isHex ? /[iu]$/ : /[iufh]$/).exec(text)?.[0];
    const digits = suffix ? text.slice(0, -1) : text;
    const value = Number(digits);
    const isInteger = isHex || /^\d+$/.test(digits);
    const suffixed = { i: "i32", u: "u32", f: "f32", h: "f16" } as const;
    const type: LiteralType = suffix
      ? suffixed[suffix as keyof typeof suffixed]
      : isInteger
        ? "int"
        : "float";
    const most = { i32: 2 ** 31 - 1, u32: 2 ** 32 - 1, int: Number.MAX_SAFE_INTEGER }[type as "i32"];
    const isWrong = most === undefined ? !Number.isFinite(value) : !isInteger || value > most;
    if (isWrong || (isInteger && !isHex && /^0\d/.test(digits))) this.fail(`a literal of ${type}`);
    this.#next++;
    return { kind: "literal", line, type, value };
  }
}
