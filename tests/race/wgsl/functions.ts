/** WGSL's functions of values, and what makes values of types: those that our shaders call, and their neighbours. */
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { dotProduct, inRange } from "./operators.ts";
import {
  isFloat,
  isInteger,
  isSame,
  leafCount,
  type ScalarName,
  type Struct,
  scalar,
  type Type,
  typeName,
  vector,
} from "./types.ts";
import {
  atom,
  atoms,
  concrete,
  convert,
  expectVector,
  folded,
  isConstant,
  type Part,
  scalarOf,
  splat,
  unified,
  type Value,
  value,
  withScalar,
  zeroOf,
} from "./values.ts";

/** A call of a function by its name, of values. */
export interface Call {
  readonly emitter: Emitter;
  readonly name: string;
  readonly args: readonly Value[];
  readonly line: number;
}

type Scalars = "float" | "integer" | "number" | "bool";

const isOf: Readonly<Record<Scalars, (of: ScalarName) => boolean>> = {
  float: isFloat,
  integer: isInteger,
  number: (of) => isFloat(of) || isInteger(of),
  bool: (of) => of === "bool",
};

/** Functions that go by components: how many arguments, of what, and JavaScript's text for the type's scalar. */
interface Componentwise {
  readonly count: number;
  readonly scalars: Scalars;
  readonly code: (of: ScalarName, ...texts: string[]) => string;
}

const rounded =
  (code: (...texts: string[]) => string) =>
  (of: ScalarName, ...texts: string[]) =>
    inRange(of, code(...texts));
const floats = (count: number, code: (...texts: string[]) => string): Componentwise => ({
  count,
  scalars: "float",
  code: rounded(code),
});
const numbers = (count: number, code: (...texts: string[]) => string): Componentwise => ({
  count,
  scalars: "number",
  code: (_of, ...texts) => code(...texts),
});

const componentwise: Readonly<Record<string, Componentwise>> = {
  abs: { count: 1, scalars: "number", code: (of, x) => (of === "u32" ? x! : inRange(of, `Math.abs(${x})`)) },
  min: numbers(2, (x, y) => `min(${x}, ${y})`),
  max: numbers(2, (x, y) => `max(${x}, ${y})`),
  clamp: numbers(3, (x, least, most) => `min(max(${x}, ${least}), ${most})`),
  sign: numbers(1, (x) => `sign(${x})`),
  ceil: floats(1, (x) => `Math.ceil(${x})`),
  floor: floats(1, (x) => `Math.floor(${x})`),
  trunc: floats(1, (x) => `Math.trunc(${x})`),
  round: floats(1, (x) => `round(${x})`),
  sqrt: floats(1, (x) => `Math.sqrt(${x})`),
  inverseSqrt: floats(1, (x) => `1 / Math.sqrt(${x})`),
  exp: floats(1, (x) => `Math.exp(${x})`),
  exp2: floats(1, (x) => `2 ** ${x}`),
  log: floats(1, (x) => `Math.log(${x})`),
  log2: floats(1, (x) => `Math.log2(${x})`),
  pow: floats(2, (x, y) => `(${x}) ** (${y})`),
  fma: {
    count: 3,
    scalars: "float",
    code: (of, x, y, z) => inRange(of, `${inRange(of, `${x} * ${y}`)} + ${z}`),
  },
};

const functions: Readonly<Record<string, (call: Call) => Value>> = {
  select,
  dot,
  all: (call) => booleans(call, "&&"),
  any: (call) => booleans(call, "||"),
  ldexp,
  pack2x16float: (call) => {
    const [given] = expectArgs(call, 1);
    const parts = convert(given!, vector(2, "f32"), call.line).parts;
    return value(scalar("u32"), [folded(parts, (x, y) => `pack2x16float(${x}, ${y})`)]);
  },
  unpack2x16float: (call) => {
    const [given] = expectArgs(call, 1);
    const word = atom(call.emitter, convert(given!, scalar("u32"), call.line).parts[0]!);
    const half = (shift: number) => folded([word], (x) => `halves[(${x} >>> ${shift}) & 65535]`);
    return value(vector(2, "f32"), [half(0), half(16)]);
  },
};

/** Whether a name is that of a function of values. */
export const isFunction = (name: string): boolean => name in componentwise || name in functions;

/** The value of a call of such a function. */
export function callFunction(call: Call): Value {
  const own = functions[call.name];
  return own ? own(call) : callComponentwise(call, componentwise[call.name]!);
}

function expectArgs({ name, args, line }: Call, count: number): readonly Value[] {
  if (args.length !== count)
    throw new WgslError(line, `Expected ${count} arguments of '${name}' but received ${args.length}.`);
  return args;
}

function refuse({ name, args, line }: Call): never {
  const types = args.map(({ type }) => typeName(type)).join(", ");
  throw new WgslError(line, `Expected arguments of '${name}' but received ${types}.`);
}

function callComponentwise(call: Call, { count, scalars, code }: Componentwise): Value {
  const args = unified(expectArgs(call, count), call.line);
  const [first] = args as [Value];
  const of = scalarOf(first.type);
  const isFine = first.type.kind === "scalar" || first.type.kind === "vector";
  if (!of || !isFine || !isOf[scalars](of) || args.some(({ type }) => !isSame(type, first.type)))
    refuse(call);
  // An abstract integer that a function of floats takes is one.
  const exact = args.map((arg) =>
    of === "int" && scalars === "float" ? convert(arg, withScalar(arg.type, "float"), call.line) : arg,
  );
  const parts = exact[0]!.parts.map((_, i) =>
    folded(
      exact.map(({ parts }) => parts[i]!),
      (...texts) => code(of!, ...texts),
    ),
  );
  return value(exact[0]!.type, parts);
}

/** One of two values, for each component where the condition is a vector; both have been computed. */
function select(call: Call): Value {
  const [no, yes, condition] = expectArgs(call, 3) as [Value, Value, Value];
  const isVector = condition.type.kind === "vector";
  const isDecided = isConstant(condition.parts);
  const values = unified([no, yes], call.line).map((given) =>
    isDecided ? given : concrete(given, call.line),
  );
  const [a, b] = values as [Value, Value];
  if (scalarOf(condition.type) !== "bool" || !isSame(a.type, b.type)) refuse(call);
  if (isVector && (a.type.kind !== "vector" || a.parts.length !== condition.parts.length)) refuse(call);
  if (a.type.kind !== "scalar" && a.type.kind !== "vector") refuse(call);
  const conditions = atoms(call.emitter, condition).parts;
  const parts = a.parts.map((part, i): Part => {
    const test = conditions[isVector ? i : 0]!;
    if (typeof test === "boolean") return test ? b.parts[i]! : part;
    return folded([test, b.parts[i]!, part], (t, x, y) => `(${t} ? ${x} : ${y})`);
  });
  return value(a.type, parts);
}

function dot(call: Call): Value {
  const [a, b] = unified(expectArgs(call, 2), call.line) as [Value, Value];
  const { of } = expectVector(a, call.line);
  if (!isSame(a.type, b.type) || of === "bool") refuse(call);
  return value(scalar(of), [dotProduct(of, a.parts, b.parts)]);
}

function booleans(call: Call, operator: string): Value {
  const [given] = expectArgs(call, 1) as [Value];
  if (scalarOf(given.type) !== "bool") refuse(call);
  return value(scalar("bool"), [folded(given.parts, (...texts) => `(${texts.join(` ${operator} `)})`)]);
}

/** x * 2^exponent */
function ldexp(call: Call): Value {
  const [x, exponent] = expectArgs(call, 2).map((arg) => concrete(arg, call.line)) as [Value, Value];
  const of = scalarOf(x.type);
  if (!of || !isFloat(of) || !isSame(exponent.type, withScalar(x.type, "i32"))) refuse(call);
  const parts = x.parts.map((part, i) =>
    folded([part, exponent.parts[i]!], (a, b) => inRange(of, `${a} * 2 ** ${b}`)),
  );
  return value(x.type, parts);
}

/** A value's scalar as another type's, as `f32(x)` does. */
function convertedScalar(part: Part, from: ScalarName, to: ScalarName): Part {
  if (from === to) return part;
  if (to === "bool") return folded([part], (x) => `(${x} !== 0)`);
  if (from === "bool") return folded([part], (x) => `(${x} ? 1 : 0)`);
  if (isInteger(to) && isFloat(from))
    return folded([part], (x) => `${to === "u32" ? "toU32" : "toI32"}(${x})`);
  return folded([part], (x) => inRange(to, `(${x})`));
}

/** `type(args)`: zeros without arguments, a conversion of one, a composition of more. */
export function construct(emitter: Emitter, type: Type, args: readonly Value[], line: number): Value {
  if (args.length === 0) return zeroOf(type, line);
  if (type.kind === "struct") return constructStruct(type, args, line);
  const to = scalarOf(type);
  const fail = (): never => {
    const types = args.map((arg) => typeName(arg.type)).join(", ");
    throw new WgslError(line, `Expected what makes ${typeName(type)} but received ${types}.`);
  };
  if (type.kind === "array") {
    if (args.length !== type.count) return fail();
    return value(
      type,
      args.flatMap((arg) => convert(arg, type.element, line).parts),
    );
  }
  if (!to || type.kind === "atomic") return fail();
  const [first] = args as [Value];
  if (args.length === 1) {
    const of = scalarOf(first.type);
    if (!of) return fail();
    if (first.type.kind === type.kind && first.parts.length === leafCount(type)) {
      const parts = first.parts.map((part) => convertedScalar(part, of, to));
      return value(type, parts);
    }
    if (type.kind !== "vector" || first.type.kind !== "scalar") return fail();
    return splat(emitter, convert(first, scalar(to), line), type.size);
  }
  if (type.kind === "scalar" || args.some((arg) => arg.type.kind === "matrix")) return fail();
  const isUneven = args.some((arg) => arg.parts.length !== first.parts.length);
  if (type.kind === "matrix" && (isUneven || ![1, type.rows].includes(first.parts.length))) return fail();
  const parts = args.flatMap((arg) => convert(arg, withScalar(arg.type, to), line).parts);
  return parts.length === leafCount(type) ? value(type, parts) : fail();
}

function constructStruct(type: Struct, args: readonly Value[], line: number): Value {
  if (args.length !== type.fields.length)
    throw new WgslError(
      line,
      `Expected ${type.fields.length} fields of ${type.name} but received ${args.length}.`,
    );
  return value(
    type,
    args.flatMap((arg, i) => convert(arg, type.fields[i]!.type, line).parts),
  );
}

/** `vec4(...)`, `array(...)`: the type that arguments of a constructor without a template list make. */
export function inferredType(name: string, args: readonly Value[], line: number): Type {
  const of = unified(args, line).map(({ type }) => type);
  const [first] = of;
  if (!first || !of.every((type) => scalarOf(type) === scalarOf(first)))
    throw new WgslError(line, `Expected arguments of one type for '${name}' but received others.`);
  if (name === "array") return { kind: "array", element: concreteType(first), count: of.length };
  return vector(Number(name.at(-1)), scalarOf(first)!);
}

function concreteType(type: Type): Type {
  const of = scalarOf(type);
  return of === "int" ? withScalar(type, "i32") : of === "float" ? withScalar(type, "f32") : type;
}

const casts: Readonly<Record<string, string>> = {
  "f32 u32": "floatToU32",
  "f32 i32": "floatToI32",
  "u32 f32": "u32ToFloat",
  "i32 f32": "i32ToFloat",
};

/** `bitcast<type>(x)` between types of 32 bits. */
export function bitcast(type: Type, args: readonly Value[], line: number): Value {
  const [given] = args.map((arg) => concrete(arg, line));
  const [from, to] = [given && scalarOf(given.type), scalarOf(type)];
  if (!given || args.length !== 1 || !from || !to || !isSame(withScalar(given.type, to), type))
    throw new WgslError(line, `Expected what can be cast to ${typeName(type)} but received another type.`);
  const cast = (x: string) => {
    if (from === to) return x;
    if (casts[`${from} ${to}`]) return `${casts[`${from} ${to}`]}(${x})`;
    if (isInteger(from) && isInteger(to)) return inRange(to, `(${x})`);
    throw new WgslError(line, `Expected a cast between types of 32 bits but received ${from} and ${to}.`);
  };
  return value(
    type,
    given.parts.map((part) => folded([part], cast)),
  );
}
