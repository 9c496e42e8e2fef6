/** Code of expressions. */
import { callEffect, isEffect } from "./effects.ts";
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { bitcast, callFunction, construct, inferredType, isFunction } from "./functions.ts";
import { constantIndex, element, elementsOf, load, member, memberOf, store, swizzle } from "./memory.ts";
import { Operators } from "./operators.ts";
import type { Scope } from "./scope.ts";
import type { Expression, FunctionDeclaration, Name } from "./syntax.ts";
import { predeclared, type TypeContext } from "./type-names.ts";
import { isSame, type Leaf, leafCount, leavesOf, scalar, type Type, typeName, vector } from "./types.ts";
import {
  atom,
  atoms,
  constant,
  expectInteger,
  type Operand,
  type Reference,
  text,
  type Value,
  value,
} from "./values.ts";

/** Puts a call of one of the module's functions in line. */
export type CallUser = (
  declaration: FunctionDeclaration,
  args: readonly Operand[],
  line: number,
) => Value | undefined;

const arrayClasses: Readonly<Record<Leaf, string>> = {
  f32: "Float32Array",
  f16: "Float32Array",
  u32: "Uint32Array",
  i32: "Int32Array",
  bool: "Uint8Array",
  int: "Float64Array",
  float: "Float64Array",
  "subgroup-matrix": "Array",
};

export class Expressions implements TypeContext {
  readonly emitter: Emitter;
  readonly operators: Operators;
  readonly enabled: ReadonlySet<string>;
  scope: Scope;
  readonly #callUser: CallUser;

  constructor(emitter: Emitter, enabled: ReadonlySet<string>, scope: Scope, callUser: CallUser) {
    this.emitter = emitter;
    this.operators = new Operators(emitter);
    this.enabled = enabled;
    this.scope = scope;
    this.#callUser = callUser;
  }

  type(name: Name): Type {
    const binding = this.scope.find(name.name);
    if (binding?.kind === "type" && name.template.length === 0) return binding.type;
    const type = binding ? undefined : predeclared(name, this);
    if (!type) throw new WgslError(name.line, `Expected a type but received '${name.name}'.`);
    return type;
  }

  count(expression: Expression): number {
    const given = this.value(expression);
    expectInteger(given, expression.line);
    const [count] = given.parts;
    if (typeof count !== "number" || count < 1)
      throw new WgslError(expression.line, "Expected a constant of 1 or more but received something else.");
    return count;
  }

  /** The value of an expression; what a reference refers to. */
  value(expression: Expression): Value {
    const operand = this.operand(expression);
    if (operand.kind === "value") return operand;
    if (operand.kind === "pointer")
      throw new WgslError(expression.line, "Expected a value but received a pointer.");
    return load(this.emitter, operand, expression.line);
  }

  /** The value of a condition, as JavaScript has it, or true or false where that is known. */
  condition(expression: Expression): string | boolean {
    const { type, parts } = this.value(expression);
    if (!isSame(type, scalar("bool")))
      throw new WgslError(expression.line, `Expected a condition but received ${typeName(type)}.`);
    return parts[0] as string | boolean;
  }

  operand(expression: Expression): Operand {
    const { line } = expression;
    switch (expression.kind) {
      case "literal":
        if (expression.type === "f16" && !this.enabled.has("f16"))
          throw new WgslError(line, "Expected 'enable f16;' in front of a literal of f16 but received none.");
        return constant(expression.type, expression.value);
      case "name":
        return this.#name(expression);
      case "parentheses":
        return this.operand(expression.inner);
      case "unary":
        return this.#unary(expression.operator, expression.operand, line);
      case "binary":
        return this.#binary(expression.operator, expression.left, expression.right, line);
      case "index":
        return this.#index(expression.object, expression.index, line);
      case "member":
        return this.#member(expression.object, expression.member, line);
      case "call": {
        const result = this.call(expression);
        if (!result)
          throw new WgslError(line, `Expected a value but '${expression.callee.name}' gives none.`);
        return result;
      }
      default:
        return expression satisfies never;
    }
  }

  #name({ name, template, line }: Name): Operand {
    const binding = this.scope.find(name);
    if (!binding || binding.kind === "type" || binding.kind === "function" || template.length > 0)
      throw new WgslError(line, `Expected the name of a value but received '${name}'.`);
    return binding;
  }

  #unary(operator: string, inner: Expression, line: number): Operand {
    if (operator === "&") {
      const to = this.operand(inner);
      if (to.kind === "reference" && !to.isFixed) return { kind: "pointer", to };
      throw new WgslError(line, "Expected a variable behind '&' but received something else.");
    }
    if (operator === "*") {
      const pointer = this.operand(inner);
      if (pointer.kind === "pointer") return pointer.to;
      throw new WgslError(line, "Expected a pointer behind '*' but received something else.");
    }
    return this.operators.unary(operator, this.value(inner), line);
  }

  #binary(operator: string, left: Expression, right: Expression, line: number): Value {
    if (operator === "&&" || operator === "||") return this.#shortCircuit(operator, left, right);
    const a = this.value(left);
    return this.operators.binary(operator, a, this.value(right), line);
  }

  /** The right side's code runs only where the left does not decide. */
  #shortCircuit(operator: "&&" | "||", left: Expression, right: Expression): Value {
    const a = this.condition(left);
    let b: string | boolean = false;
    const lines = this.emitter.captured(() => {
      b = this.condition(right);
    });
    const decides = operator === "||";
    const bool = scalar("bool");
    if (typeof a === "boolean") {
      if (a === decides) return value(bool, [a]);
      for (const line of lines) this.emitter.emit(line);
      return value(bool, [b]);
    }
    if (lines.length === 0) return value(bool, [`(${a} ${operator} ${b})`]);
    const result = this.emitter.fresh("both");
    this.emitter.emit(`let ${result} = ${a};`);
    this.emitter.emit(`if (${decides ? "!" : ""}${result}) {`);
    for (const line of lines) this.emitter.emit(line);
    this.emitter.emit(`${result} = ${b}; }`);
    return value(bool, [result]);
  }

  #index(object: Expression, index: Expression, line: number): Operand {
    const base = this.operand(object);
    if (base.kind === "pointer") throw new WgslError(line, "Expected an array but received a pointer.");
    const at = this.value(index);
    if (base.kind === "reference") return element(this.emitter, base, at, line);
    expectInteger(at, line);
    const { type, count } = elementsOf(base.type, "it", line);
    const known = constantIndex(at, count, line);
    const leaves = leafCount(type);
    if (known !== undefined) return value(type, base.parts.slice(known * leaves, (known + 1) * leaves));
    return load(this.emitter, element(this.emitter, this.spilled(base), at, line), line);
  }

  /** A value's copy in memory of the invocation, where it can be indexed. */
  spilled(given: Value): Reference {
    const copy = this.variable("copy", given.type);
    store(this.emitter, copy, given, 0);
    return { ...copy, isFixed: true };
  }

  /** A new variable of the invocation, whose value is undefined. */
  variable(name: string, type: Type): Reference {
    const own = this.emitter.fresh(`${name}$`);
    if (!hasArray(type)) {
      const names = leavesOf(type).map((_, i) => `${own}_${i}`);
      this.emitter.emit(`let ${names.join(", ")};`);
      return { kind: "reference", name, type, place: { kind: "locals", names } };
    }
    const leaves = leavesOf(type);
    const [leaf] = leaves as [Leaf];
    if (leaves.some((other) => other !== leaf)) throw new Error(`Expected leaves of one type in '${name}'.`);
    this.emitter.hoisted.push(`const ${own} = new ${arrayClasses[leaf]}(${leaves.length});`);
    return { kind: "reference", name, type, place: { kind: "array", array: own, first: 0 } };
  }

  #member(object: Expression, field: string, line: number): Operand {
    const base = this.operand(object);
    if (base.kind === "pointer") throw new WgslError(line, "Expected an object but received a pointer.");
    if (base.kind === "reference") {
      if (base.type.kind !== "vector" || field.length === 1) return member(base, field, line);
      return this.#swizzled(load(this.emitter, base, line), field, line);
    }
    if (base.type.kind === "vector") return this.#swizzled(base, field, line);
    const { type, leaf } = memberOf(base.type, field, "it", line);
    return value(type, base.parts.slice(leaf, leaf + leafCount(type)));
  }

  #swizzled(given: Value, letters: string, line: number): Value {
    if (given.type.kind !== "vector")
      throw new WgslError(line, "Expected a vector but received another type.");
    const { of, size } = given.type;
    const components = swizzle(size, letters, line);
    const { parts } = new Set(components).size < components.length ? atoms(this.emitter, given) : given;
    const chosen = components.map((i) => parts[i]!);
    return value(chosen.length === 1 ? scalar(of) : vector(chosen.length, of), chosen);
  }

  /** A call; undefined where it gives no value. */
  call({ callee, args, line }: Extract<Expression, { kind: "call" }>): Value | undefined {
    const { name, template } = callee;
    const binding = this.scope.find(name);
    if (binding?.kind === "function")
      return this.#callUser(
        binding.declaration,
        args.map((arg) => this.operand(arg)),
        line,
      );
    if (binding?.kind === "type") return this.#construct(binding.type, args, line);
    if (binding) throw new WgslError(line, `Expected a function but received '${name}'.`);
    if (isEffect(name)) {
      const list = template.map((argument) => this.#templateArgument(argument));
      const operands = args.map((arg) => this.#effectArgument(arg));
      return callEffect({ emitter: this.emitter, name, template: list, args: operands, line });
    }
    const values = () => args.map((arg) => this.value(arg));
    if (name === "bitcast" && template.length === 1) {
      const [type] = template as [Expression];
      if (type.kind === "name") return bitcast(this.type(type), values(), line);
    }
    if (name === "arrayLength") return this.#arrayLength(args, line);
    if (isFunction(name) && template.length === 0)
      return callFunction({ emitter: this.emitter, name, args: values(), line });
    if (/^(array|vec[234])$/.test(name) && template.length === 0) {
      const given = values();
      return construct(this.emitter, inferredType(name, given, line), given, line);
    }
    const type = predeclared(callee, this);
    if (!type) throw new WgslError(line, `Expected a known function but received '${name}'.`);
    return this.#construct(type, args, line);
  }

  #construct(type: Type, args: readonly Expression[], line: number): Value {
    return construct(
      this.emitter,
      type,
      args.map((arg) => this.value(arg)),
      line,
    );
  }

  #templateArgument(argument: Expression): Type | string {
    if (argument.kind !== "name") throw new WgslError(argument.line, "Expected a name in the template list.");
    return /^(col|row)_major$/.test(argument.name) ? argument.name : this.type(argument);
  }

  /** Textures and pointers as they are, values of all else. */
  #effectArgument(argument: Expression): Operand {
    const operand = this.operand(argument);
    const isTexture = operand.kind === "reference" && operand.type.kind === "texture";
    return operand.kind === "reference" && !isTexture ? load(this.emitter, operand, argument.line) : operand;
  }

  #arrayLength(args: readonly Expression[], line: number): Value {
    const [pointer] = args.map((arg) => this.operand(arg));
    const to = pointer?.kind === "pointer" ? pointer.to : undefined;
    if (to?.place.kind !== "memory" || to.type.kind !== "array" || to.type.count !== undefined)
      throw new WgslError(line, "Expected a pointer to an array without a size.");
    return value(scalar("u32"), [text(atom(this.emitter, `${to.place.variable.name}$count`))]);
  }
}

const hasArray = (type: Type): boolean =>
  type.kind === "array" || (type.kind === "struct" && type.fields.some((field) => hasArray(field.type)));
