/** WGSL's operators on values. */
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { isFloat, isInteger, type Matrix, type ScalarName, typeName, vector } from "./types.ts";
import {
  atom,
  atoms,
  convert,
  folded,
  isConstant,
  type Part,
  scalarOf,
  splat,
  unified,
  type Value,
  value,
  withScalar,
} from "./values.ts";

const comparisons: Readonly<Record<string, string>> = {
  "==": "===",
  "!=": "!==",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">=",
};

/** JavaScript's text of a number in the range of its type. */
export function inRange(of: ScalarName, code: string): string {
  if (of === "f32") return `fr(${code})`;
  if (of === "f16") return `hf(${code})`;
  if (of === "u32") return `(${code} >>> 0)`;
  return of === "i32" ? `(${code} | 0)` : `(${code})`;
}

/** An operation on scalars of one type; text that JavaScript has the value of, which may be out of range. */
function scalarCode(operator: string, of: ScalarName, a: string, b: string): string | undefined {
  const isMachineInteger = of === "u32" || of === "i32";
  if ("&|".includes(operator) && of === "bool") return `(${a} ${operator}${operator} ${b})`;
  if ("&|^".includes(operator)) return isMachineInteger ? inRange(of, `(${a} ${operator} ${b})`) : undefined;
  if (of === "bool") return undefined;
  if (operator === "*" && isMachineInteger) return inRange(of, `Math.imul(${a}, ${b})`);
  if (operator === "/" && of === "int") return `Math.trunc(${a} / ${b})`;
  return inRange(of, `${a} ${operator} ${b}`);
}

/** Refuses constants that the operation can't have. */
function checkConstant(part: Part, of: ScalarName, operator: string, line: number): Part {
  if (typeof part === "string" || typeof part === "boolean") return part;
  const isFine = of === "int" ? Number.isSafeInteger(part) : Number.isFinite(part);
  if (!isFine)
    throw new WgslError(line, `Expected a constant in the range of ${of} but '${operator}' gives ${part}.`);
  return part;
}

export class Operators {
  readonly #emitter: Emitter;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  binary(operator: string, left: Value, right: Value, line: number): Value {
    if (operator === "<<" || operator === ">>") return this.#shift(operator, left, right, line);
    const [a, b] = unified([left, right], line) as [Value, Value];
    const refuse = (): never => {
      throw new WgslError(
        line,
        `Expected operands of '${operator}' but received ${typeName(left.type)} and ${typeName(right.type)}.`,
      );
    };
    const of = scalarOf(a.type);
    if (!of || of !== scalarOf(b.type)) return refuse();
    if (comparisons[operator]) return this.#compare(operator, of, a, b, refuse);
    if (a.type.kind === "matrix" || b.type.kind === "matrix") return this.#matrix(operator, a, b, refuse);
    const [x, y] = this.#alike(operator, a, b, refuse);
    const parts = x.parts.map((part, i) => this.#scalar(operator, of, part, y.parts[i]!, line) ?? refuse());
    return value(x.type, parts);
  }

  /** Two of the same type: of a scalar and a vector, the former as often as wanted. */
  #alike(operator: string, a: Value, b: Value, refuse: () => never): [Value, Value] {
    const kinds = [a.type.kind, b.type.kind];
    if (!kinds.every((kind) => kind === "scalar" || kind === "vector")) return refuse();
    if (typeName(a.type) === typeName(b.type)) return [a, b];
    if (!"+-*/%".includes(operator)) return refuse();
    if (a.type.kind === "scalar" && b.type.kind === "vector")
      return [splat(this.#emitter, a, b.type.size), b];
    if (b.type.kind === "scalar" && a.type.kind === "vector")
      return [a, splat(this.#emitter, b, a.type.size)];
    return refuse();
  }

  #scalar(operator: string, of: ScalarName, a: Part, b: Part, line: number): Part | undefined {
    if ((operator === "/" || operator === "%") && isInteger(of))
      return this.#divide(operator, of, a, b, line);
    if (scalarCode(operator, of, "0", "0") === undefined) return undefined;
    return checkConstant(
      folded([a, b], (x, y) => scalarCode(operator, of, x, y)!),
      of,
      operator,
      line,
    );
  }

  /** WGSL's integer division: by zero it gives the dividend, and leaves no remainder. */
  #divide(operator: string, of: ScalarName, a: Part, b: Part, line: number): Part {
    if (b === 0) throw new WgslError(line, `Expected a divisor but '${operator}' received 0.`);
    const code = (x: string, y: string) => scalarCode(operator, of, x, y)!;
    if (typeof b === "number") return folded([a, b], code);
    const [dividend, divisor] = [atom(this.#emitter, a), atom(this.#emitter, b)];
    const site = this.#emitter.site(line, operator);
    const atZero = operator === "/" ? dividend : 0;
    return `(${divisor} !== 0 ? ${code(String(dividend), String(divisor))} : byZero(${site}, who, ${atZero}))`;
  }

  #shift(operator: string, left: Value, right: Value, line: number): Value {
    const of = scalarOf(left.type);
    const size = left.type.kind === "vector" ? left.type.size : 1;
    const amounts = convert(right, withScalar(right.type, "u32"), line);
    const isSameSize = (amounts.type.kind === "vector" ? amounts.type.size : 1) === size;
    if (!of || !isInteger(of) || !isSameSize || left.type.kind === "matrix")
      throw new WgslError(
        line,
        `Expected operands of '${operator}' but received ${typeName(left.type)} and ${typeName(right.type)}.`,
      );
    const by = operator === ">>" && of === "u32" ? ">>>" : operator;
    const parts = left.parts.map((part, i) => {
      const amount = amounts.parts[i]!;
      if (typeof amount === "number" && amount > 31)
        throw new WgslError(line, `Expected a shift by less than 32 but received ${amount}.`);
      if (of === "int")
        return checkConstant(
          folded([part, amount], (x, y) =>
            operator === "<<" ? `${x} * 2 ** ${y}` : `Math.floor(${x} / 2 ** ${y})`,
          ),
          of,
          operator,
          line,
        );
      return folded([part, amount], (x, y) => inRange(of, `(${x} ${by} ${y})`));
    });
    return value(left.type, parts);
  }

  #compare(operator: string, of: ScalarName, a: Value, b: Value, refuse: () => never): Value {
    const isEquality = operator === "==" || operator === "!=";
    if (typeName(a.type) !== typeName(b.type) || (of === "bool" && !isEquality)) return refuse();
    if (a.type.kind !== "scalar" && a.type.kind !== "vector") return refuse();
    const parts = a.parts.map((part, i) =>
      folded([part, b.parts[i]!], (x, y) => `(${x} ${comparisons[operator]} ${y})`),
    );
    return value(withScalar(a.type, "bool"), parts);
  }

  /** Products of matrices with vectors and scalars; others are not needed. */
  #matrix(operator: string, a: Value, b: Value, refuse: () => never): Value {
    if (operator !== "*" || a.type.kind !== "matrix") return refuse();
    if (b.type.kind === "scalar") {
      const factor = atom(this.#emitter, b.parts[0]!);
      const { of } = a.type;
      return value(
        a.type,
        a.parts.map((part) => folded([part, factor], (x, y) => inRange(of, `${x} * ${y}`))),
      );
    }
    if (b.type.kind !== "vector" || b.type.size !== a.type.columns) return refuse();
    return this.#matrixVector(a.type, a.parts, atoms(this.#emitter, b).parts);
  }

  #matrixVector({ columns, rows, of }: Matrix, matrix: readonly Part[], given: readonly Part[]): Value {
    const parts = Array.from({ length: rows }, (_, row) => {
      const column = Array.from({ length: columns }, (_, i) => matrix[i * rows + row]!);
      return dotProduct(of, column, given);
    });
    return value(vector(rows, of), parts);
  }

  unary(operator: string, given: Value, line: number): Value {
    const of = scalarOf(given.type);
    const refuse = (): never => {
      throw new WgslError(line, `Expected an operand of '${operator}' but received ${typeName(given.type)}.`);
    };
    if (!of || (given.type.kind !== "scalar" && given.type.kind !== "vector")) return refuse();
    const isPossible =
      operator === "!"
        ? of === "bool"
        : operator === "~"
          ? isInteger(of) && of !== "int"
          : of === "i32" || of === "int" || isFloat(of);
    if (!isPossible) return refuse();
    const code = (x: string) =>
      operator === "-" && (isFloat(of) || of === "int")
        ? `(- ${x})`
        : operator === "!"
          ? `(!${x})`
          : inRange(of, `(${operator} ${x})`);
    return value(
      given.type,
      given.parts.map((part) => folded([part], code)),
    );
  }
}

/** Products added up one after the other. */
export function dotProduct(of: ScalarName, a: readonly Part[], b: readonly Part[]): Part {
  const products = a.map((part, i) => folded([part, b[i]!], (x, y) => scalarCode("*", of, x, y)!));
  return products.reduce((sum, product) => folded([sum, product], (x, y) => scalarCode("+", of, x, y)!));
}

/** Whether a value is one constant. */
export function constantOf({ parts }: Value): number | boolean | undefined {
  return parts.length === 1 && isConstant(parts) ? (parts[0] as number | boolean) : undefined;
}
