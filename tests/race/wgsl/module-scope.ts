/** The names that a module declares, in whatever order. */
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { store } from "./memory.ts";
import { type Binding, Scope } from "./scope.ts";
import { Statements } from "./statements.ts";
import type { Attribute, Declaration, Module, VariableDeclaration } from "./syntax.ts";
import { type Type, typeName } from "./types.ts";
import { convert, isConstant, type SharedVariable, zeroOf } from "./values.ts";

/** A variable that is bound from outside, with its number. */
export interface BoundVariable extends SharedVariable {
  readonly binding: number;
}

export class ModuleScope {
  readonly statements: Statements;
  /** Variables that anything names. */
  readonly bound: BoundVariable[] = [];
  readonly workgroup: SharedVariable[] = [];
  readonly #emitter: Emitter;
  readonly #declarations = new Map<string, Declaration>();
  readonly #scope = new Scope(undefined, (name) => this.#resolve(name));
  readonly #open = new Set<string>();

  constructor(emitter: Emitter, { declarations, enabled }: Module) {
    this.#emitter = emitter;
    for (const declaration of declarations) {
      const { name, line } = declaration;
      if (this.#declarations.has(name))
        throw new WgslError(line, `Expected a new name but '${name}' is declared already.`);
      this.#declarations.set(name, declaration);
    }
    this.statements = new Statements(emitter, enabled, this.#scope);
  }

  /** Resolves what nothing names, too. Bodies of functions that nothing calls have only been parsed. */
  checkAll(): void {
    for (const name of this.#declarations.keys()) {
      const declaration = this.#declarations.get(name)!;
      if (declaration.kind !== "variable") this.#scope.find(name);
      else checkVariable(declaration);
    }
  }

  #resolve(name: string): Binding | undefined {
    const declaration = this.#declarations.get(name);
    if (!declaration) return undefined;
    if (this.#open.has(name))
      throw new WgslError(declaration.line, `Expected a declaration but '${name}' needs itself.`);
    this.#open.add(name);
    const outer = this.statements.expressions.scope;
    this.statements.expressions.scope = this.#scope;
    try {
      return this.#bindingOf(declaration);
    } finally {
      this.statements.expressions.scope = outer;
      this.#open.delete(name);
    }
  }

  #bindingOf(declaration: Declaration): Binding {
    const { expressions } = this.statements;
    const { line, name } = declaration;
    switch (declaration.kind) {
      case "function":
        return { kind: "function", declaration };
      case "alias":
        return { kind: "type", type: expressions.type(declaration.type) };
      case "struct": {
        const fields = declaration.fields.map((field) => ({
          name: field.name,
          type: expressions.type(field.type),
        }));
        return { kind: "type", type: { kind: "struct", name, fields } };
      }
      case "constant": {
        const given = expressions.value(declaration.value);
        if (!isConstant(given.parts)) throw new WgslError(line, `Expected '${name}' to be constant.`);
        return declaration.type ? convert(given, expressions.type(declaration.type), line) : given;
      }
      case "variable":
        return this.#variable(declaration);
      default:
        return declaration satisfies never;
    }
  }

  #variable(declaration: VariableDeclaration): Binding {
    const { name, space, line } = declaration;
    checkVariable(declaration);
    const type = this.statements.expressions.type(declaration.type);
    if (space === "private") return this.#privateVariable(name, type, line);
    const variable = sharedVariable(declaration, type);
    if (variable.space === "workgroup") this.workgroup.push(variable);
    else this.bound.push({ ...variable, binding: bindingNumber(declaration) });
    return { kind: "reference", name, type, place: { kind: "memory", variable, address: 0 } };
  }

  /** An invocation's own, zero when it begins. */
  #privateVariable(name: string, type: Type, line: number): Binding {
    let binding: Binding | undefined;
    const lines = this.#emitter.captured(() => {
      const variable = this.statements.expressions.variable(name, type);
      store(this.#emitter, variable, zeroOf(type, line), line);
      binding = variable;
    });
    this.#emitter.first.push(...lines);
    return binding!;
  }
}

const accesses: Readonly<Record<string, readonly (string | undefined)[]>> = {
  storage: ["read", "read_write", undefined],
  uniform: [undefined],
  workgroup: [undefined],
  private: [undefined],
  handle: [undefined],
};

function checkVariable({ space, access, line, attributes }: VariableDeclaration): void {
  if (!Object.hasOwn(accesses, space) || !accesses[space]!.includes(access))
    throw new WgslError(line, `Expected a known address space but received '${[space, access].join(", ")}'.`);
  const isBound = space === "storage" || space === "uniform" || space === "handle";
  for (const { name, line } of attributes)
    if (!isBound || (name !== "group" && name !== "binding"))
      throw new WgslError(line, `Expected a known attribute but received '@${name}'.`);
}

function sharedVariable({ name, space, access, line }: VariableDeclaration, type: Type): SharedVariable {
  if ((type.kind === "texture") !== (space === "handle"))
    throw new WgslError(
      line,
      `Expected '${name}' in another address space than ${space}: ${typeName(type)}.`,
    );
  if (type.kind === "texture") return { name, space: "texture", type, isWritable: type.access !== "read" };
  const isWritable = space === "workgroup" || access === "read_write";
  return { name, space: space as SharedVariable["space"], type, isWritable };
}

function bindingNumber({ name, attributes, line }: VariableDeclaration): number {
  const number = (attribute: string) => literalOf(attributes.find((a) => a.name === attribute));
  const binding = number("binding");
  if (number("group") !== 0 || binding === undefined)
    throw new WgslError(line, `Expected '${name}' to have @group(0) and a @binding.`);
  return binding;
}

function literalOf(attribute: Attribute | undefined): number | undefined {
  const [argument] = attribute?.args ?? [];
  return argument?.kind === "literal" ? Number(argument.value) : undefined;
}
