/** What expressions are while code is generated: values as JavaScript expressions of their leaves, and references. */
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { evaluate } from "./runtime.ts";
import {
  isAbstract,
  isFloat,
  isInteger,
  isSame,
  leafCount,
  type ScalarName,
  scalar,
  type Type,
  typeName,
  type Vector,
} from "./types.ts";

/** JavaScript's text of a leaf, or its value where that is constant. */
export type Part = string | number | boolean;

export interface Value {
  readonly kind: "value";
  readonly type: Type;
  readonly parts: readonly Part[];
}

/** A variable of the module that invocations share. */
export interface SharedVariable {
  readonly name: string;
  readonly space: "storage" | "workgroup" | "uniform" | "texture";
  /** What can be written is watched. */
  readonly isWritable: boolean;
  readonly type: Type;
}

/** Where a reference's leaves stand. */
export type Place =
  /** In JavaScript's variables. */
  | { readonly kind: "locals"; readonly names: readonly string[] }
  /** In one of several, as `index` says. */
  | { readonly kind: "choice"; readonly choices: readonly (readonly string[])[]; readonly index: string }
  /** In an invocation's own typed array from `first` on. */
  | { readonly kind: "array"; readonly array: string; readonly first: Part }
  /** In shared memory, `address` in bytes. */
  | { readonly kind: "memory"; readonly variable: SharedVariable; readonly address: Part };

export interface Reference {
  readonly kind: "reference";
  readonly name: string;
  readonly type: Type;
  readonly place: Place;
  /** Whether it only holds what a `let` or a parameter is. */
  readonly isFixed?: boolean;
}

export interface Pointer {
  readonly kind: "pointer";
  readonly to: Reference;
}

export type Operand = Value | Reference | Pointer;

export const value = (type: Type, parts: readonly Part[]): Value => ({ kind: "value", type, parts });
export const constant = (of: ScalarName, part: number | boolean): Value => value(scalar(of), [part]);

export const isConstant = (parts: readonly Part[]): boolean =>
  parts.every((part) => typeof part !== "string");

/** JavaScript's text of a part. */
export const text = (part: Part): string => (Object.is(part, -0) ? "-0" : String(part));

/** A part from the text of an expression over others: its value at once where they are constant. */
export function folded(operands: readonly Part[], code: (...texts: string[]) => string): Part {
  const whole = code(...operands.map(text));
  return isConstant(operands) ? evaluate(whole) : whole;
}

/** What costs nothing to use more than once; names with a `$` are of variables, whose values change. */
const isAtom = /^-?[\w.$]+$/;
const isStable = /^-?[\w.]+$/;

/** A part that may be used more than once, before anything is assigned. */
export function atom(emitter: Emitter, part: Part): Part {
  return typeof part !== "string" || isAtom.test(part) ? part : emitter.temporary(part);
}

/** The same value with parts that may be used more than once, before anything is assigned. */
export const atoms = (emitter: Emitter, { type, parts }: Value): Value =>
  value(
    type,
    parts.map((part) => atom(emitter, part)),
  );

/** The same value with parts that stay what they are now. */
export const stable = (emitter: Emitter, { type, parts }: Value): Value =>
  value(
    type,
    parts.map((part) => (typeof part !== "string" || isStable.test(part) ? part : emitter.temporary(part))),
  );

/** The scalars that a type is made of. */
export function scalarOf(type: Type): ScalarName | undefined {
  switch (type.kind) {
    case "scalar":
    case "vector":
    case "matrix":
    case "atomic":
      return type.of;
    case "array":
      return scalarOf(type.element);
    default:
      return undefined;
  }
}

/** The type with other scalars. */
export function withScalar(type: Type, of: ScalarName): Type {
  switch (type.kind) {
    case "scalar":
    case "vector":
    case "matrix":
      return { ...type, of };
    case "array":
      return { ...type, element: withScalar(type.element, of) };
    default:
      return type;
  }
}

const ranges: Readonly<Record<string, readonly [least: number, most: number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
};

/** A constant of an abstract type as a concrete one. */
function convertConstant(part: Part, from: ScalarName, to: ScalarName, line: number): Part {
  const [least, most] = ranges[to] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const rounding: Partial<Record<ScalarName, string>> = { f32: "fr", f16: "hf" };
  const rounded = rounding[to] ? folded([part], (x) => `${rounding[to]}(${x})`) : part;
  const isPossible = from === "int" ? to !== "bool" : isFloat(to);
  if (!isPossible || Number(part) < least || Number(part) > most || !Number.isFinite(rounded))
    throw new WgslError(line, `Expected a value of ${to} but received ${part} of ${from}.`);
  return rounded;
}

/** The value as `type`, by the conversions that WGSL does by itself: those of abstract constants. */
export function convert(given: Value, type: Type, line: number): Value {
  if (isSame(given.type, type)) return given;
  const [from, to] = [scalarOf(given.type), scalarOf(type)];
  if (!from || !to || !isAbstract(from) || !isSame(withScalar(given.type, to), type))
    throw new WgslError(line, `Expected ${typeName(type)} but received ${typeName(given.type)}.`);
  return value(
    type,
    given.parts.map((part) => convertConstant(part, from, to, line)),
  );
}

/** An abstract constant as what it becomes where nothing asks for another type: i32 or f32. */
export function concrete(given: Value, line: number): Value {
  const of = scalarOf(given.type);
  if (of === "int") return convert(given, withScalar(given.type, "i32"), line);
  return of === "float" ? convert(given, withScalar(given.type, "f32"), line) : given;
}

/** Values with the scalars of one of them, abstract ones converted. */
export function unified(values: readonly Value[], line: number): readonly Value[] {
  const scalars = values.map(({ type }) => scalarOf(type));
  const target =
    scalars.find((of) => of && !isAbstract(of)) ?? (scalars.includes("float") ? "float" : scalars[0]);
  if (!target) return values;
  const isAllConstant = values.every(({ parts }) => isConstant(parts));
  const unified = values.map((given) => convert(given, withScalar(given.type, target), line));
  return isAllConstant || !isAbstract(target) ? unified : unified.map((given) => concrete(given, line));
}

/** As many copies of a scalar. */
export function splat(emitter: Emitter, { type, parts }: Value, size: number): Value {
  const part = atom(emitter, parts[0]!);
  return value(
    { kind: "vector", size, of: scalarOf(type)! },
    Array.from({ length: size }, () => part),
  );
}

export function expectInteger({ type }: Value, line: number): void {
  if (type.kind !== "scalar" || !isInteger(type.of))
    throw new WgslError(line, `Expected an integer but received ${typeName(type)}.`);
}

export function expectVector({ type }: Value, line: number): Vector {
  if (type.kind !== "vector") throw new WgslError(line, `Expected a vector but received ${typeName(type)}.`);
  return type;
}

/** Zeros of a type. */
export function zeroOf(type: Type, line: number): Value {
  if (type.kind === "subgroup-matrix") return value(type, [`subgroups.zero(${type.columns * type.rows})`]);
  const of = scalarOf(type);
  if (of)
    return value(
      type,
      Array.from({ length: leafCount(type) }, () => (of === "bool" ? false : 0)),
    );
  if (type.kind === "struct")
    return value(
      type,
      type.fields.flatMap((field) => zeroOf(field.type, line).parts),
    );
  if (type.kind === "array" && type.count !== undefined)
    return value(type, Array.from({ length: type.count }, () => zeroOf(type.element, line).parts).flat());
  throw new WgslError(line, `Expected a type that has a zero but received ${typeName(type)}.`);
}
