/** WGSL's text to syntax. Whatever our shaders don't use is an error with its line. */
import { WgslError } from "./error.ts";
import { ExpressionParser } from "./expression-parser.ts";
import type { Attribute, Declaration, Expression, Field, Module, Name, Statement } from "./syntax.ts";

const extensions = new Set([
  "f16",
  "subgroups",
  "subgroup_size_control",
  "chromium_experimental_subgroup_matrix",
]);
const compound = ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"];

export function parse(text: string): Module {
  return new Parser(text).module();
}

class Parser extends ExpressionParser {
  module(): Module {
    const enabled = this.#directives();
    const declarations: Declaration[] = [];
    while (this.token.kind !== "end") if (!this.takes(";")) declarations.push(this.#declaration());
    return { enabled, declarations };
  }

  #directives(): Set<string> {
    const enabled = new Set<string>();
    for (;;) {
      const { line } = this;
      if (this.takes("enable")) {
        for (const name of this.list(";", () => this.identifier())) {
          if (!extensions.has(name))
            throw new WgslError(line, `Expected a known extension but received '${name}'.`);
          enabled.add(name);
        }
      } else if (this.takes("diagnostic")) this.#diagnostic();
      else return enabled;
    }
  }

  /** The one that our shaders have: Tint can't always prove what this checker watches. */
  #diagnostic(): void {
    for (const text of ["(", "off", ",", "chromium", ".", "subgroup_matrix_uniformity", ")", ";"])
      this.expect(text);
  }

  #declaration(): Declaration {
    const { line } = this;
    const attributes = this.#attributes();
    if (this.takes("fn")) return this.#function(line, attributes);
    if (this.takes("var")) return this.#variable(line, attributes);
    if (attributes.length > 0) this.fail("a function or variable");
    if (this.takes("struct")) return this.#struct(line);
    if (this.takes("alias")) {
      const name = this.identifier();
      this.expect("=");
      return this.#ended({ kind: "alias", line, name, type: this.name() } as const);
    }
    if (this.takes("const")) {
      const name = this.identifier();
      const type = this.#typeIfAny();
      this.expect("=");
      return this.#ended({ kind: "constant", line, name, type, value: this.expression() } as const);
    }
    return this.fail("a declaration");
  }

  #ended<T>(item: T): T {
    this.expect(";");
    return item;
  }

  #typeIfAny(): Name | undefined {
    return this.takes(":") ? this.name() : undefined;
  }

  #attributes(): Attribute[] {
    const attributes: Attribute[] = [];
    for (;;) {
      const { line } = this;
      if (!this.takes("@")) return attributes;
      const name = this.identifier();
      const args = this.takes("(") ? this.list(")", () => this.expression()) : [];
      attributes.push({ line, name, args });
    }
  }

  #field(): Field {
    const { line } = this;
    const name = this.identifier();
    this.expect(":");
    return { line, name, type: this.name() };
  }

  #struct(line: number): Declaration {
    const name = this.identifier();
    this.expect("{");
    return { kind: "struct", line, name, fields: this.list("}", () => this.#field()) };
  }

  #variable(line: number, attributes: readonly Attribute[]): Declaration {
    const [space = "handle", access] = this.takes("<") ? this.list(">", () => this.identifier()) : [];
    return this.#ended({ kind: "variable", space, access, attributes, ...this.#field(), line } as const);
  }

  #function(line: number, attributes: readonly Attribute[]): Declaration {
    const name = this.identifier();
    this.expect("(");
    const parameters = this.list(")", () => ({ attributes: this.#attributes(), ...this.#field() }));
    const result = this.takes("->") ? this.name() : undefined;
    return { kind: "function", line, name, parameters, result, body: this.#block(), attributes };
  }

  #block(): Statement[] {
    this.expect("{");
    const body: Statement[] = [];
    while (!this.takes("}")) if (!this.takes(";")) body.push(this.#statement());
    return body;
  }

  #statement(): Statement {
    const { line } = this;
    if (this.sees("{")) return { kind: "block", line, body: this.#block() };
    if (this.takes("if")) return this.#if(line);
    if (this.takes("for")) return this.#for(line);
    const endless = { kind: "loop", line, first: undefined, update: undefined } as const;
    if (this.takes("while")) return { ...endless, condition: this.expression(), body: this.#block() };
    if (this.takes("loop")) return { ...endless, condition: undefined, body: this.#block() };
    if (this.takes("return"))
      return this.#ended({
        kind: "return",
        line,
        value: this.sees(";") ? undefined : this.expression(),
      } as const);
    if (this.takes("break")) return this.#ended({ kind: "break", line } as const);
    if (this.takes("continue")) return this.#ended({ kind: "continue", line } as const);
    return this.#ended(this.#simple());
  }

  #if(line: number): Statement {
    const condition = this.expression();
    const body = this.#block();
    let otherwise: Statement[] | undefined;
    if (this.takes("else")) {
      const next = this.line;
      otherwise = this.takes("if") ? [this.#if(next)] : this.#block();
    }
    return { kind: "if", line, condition, body, otherwise };
  }

  #for(line: number): Statement {
    this.expect("(");
    const first = this.sees(";") ? undefined : this.#simple();
    this.expect(";");
    const condition = this.sees(";") ? undefined : this.expression();
    this.expect(";");
    const update = this.sees(")") ? undefined : this.#simple();
    this.expect(")");
    return { kind: "loop", line, first, condition, update, body: this.#block() };
  }

  /** A statement that a loop's head may hold: declaration, assignment or call. */
  #simple(): Statement {
    const { line } = this;
    const form = (["var", "let", "const"] as const).find((word) => this.takes(word));
    if (form) {
      const name = this.identifier();
      const type = this.#typeIfAny();
      const value = this.takes("=") ? this.expression() : undefined;
      if (!value && form !== "var") this.fail("'='");
      return { kind: "declare", line, form, name, type, value };
    }
    const target = this.unary();
    if (target.kind === "call") return { kind: "call", line, call: target };
    return this.#assignment(line, target);
  }

  #assignment(line: number, target: Expression): Statement {
    for (const [text, operator] of [["++", "+"] as const, ["--", "-"] as const]) {
      const value = { kind: "literal", line, type: "int", value: 1 } as const;
      if (this.takes(text)) return { kind: "assign", line, target, operator, value };
    }
    const isNowhere = target.kind === "name" && target.name === "_";
    if (this.takes("="))
      return {
        kind: "assign",
        line,
        target: isNowhere ? undefined : target,
        operator: undefined,
        value: this.expression(),
      };
    const operator = compound.find((text) => this.takes(`${text}=`));
    if (!operator) this.fail("an assignment");
    return { kind: "assign", line, target, operator, value: this.expression() };
  }
}
