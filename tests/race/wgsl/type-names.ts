/** Types by WGSL's names for them. */
import { WgslError } from "./error.ts";
import type { Expression, Name } from "./syntax.ts";
import { type MatrixSide, type ScalarName, scalar, type Texture, type Type, vector } from "./types.ts";

/** What a template list needs of the rest: other types, and the values of constants. */
export interface TypeContext {
  readonly enabled: ReadonlySet<string>;
  type(name: Name): Type;
  /** A positive whole number. */
  count(expression: Expression): number;
}

const scalars: Readonly<Record<string, ScalarName>> = {
  bool: "bool",
  i32: "i32",
  u32: "u32",
  f32: "f32",
  f16: "f16",
};
const suffixes: Readonly<Record<string, ScalarName>> = { f: "f32", u: "u32", i: "i32", h: "f16" };

/** The type of a predeclared name; undefined where it is none. */
export function predeclared(name: Name, context: TypeContext): Type | undefined {
  const type = simple(name.name) ?? generic(name, context);
  if (type && usesHalf(type) && !context.enabled.has("f16"))
    throw new WgslError(name.line, `Expected 'enable f16;' in front but received '${name.name}' without.`);
  return type;
}

function usesHalf(type: Type): boolean {
  return "of" in type && type.of === "f16";
}

function simple(name: string): Type | undefined {
  const of = Object.hasOwn(scalars, name) ? scalars[name] : undefined;
  if (of) return scalar(of);
  const [, size, suffix] = /^vec([234])([fuih])$/.exec(name) ?? [];
  if (size) return vector(Number(size), suffixes[suffix!]!);
  const [, columns, rows, float] = /^mat([234])x([234])([fh])$/.exec(name) ?? [];
  if (!columns) return undefined;
  return { kind: "matrix", columns: Number(columns), rows: Number(rows), of: suffixes[float!]! };
}

function generic(name: Name, context: TypeContext): Type | undefined {
  const { template, line } = name;
  const fail = (): never => {
    throw new WgslError(line, `Expected a template list of '${name.name}' but received another.`);
  };
  const named = (i: number): Name => {
    const argument = template[i];
    return argument?.kind === "name" ? argument : fail();
  };
  const scalarAt = (i: number): ScalarName => {
    const type = context.type(named(i));
    return type.kind === "scalar" ? type.of : fail();
  };
  const expectCount = (...counts: readonly number[]) => counts.includes(template.length) || fail();
  const [, size] = /^vec([234])$/.exec(name.name) ?? [];
  if (size && template.length > 0) {
    expectCount(1);
    return vector(Number(size), scalarAt(0));
  }
  const [, width, height] = /^mat([234])x([234])$/.exec(name.name) ?? [];
  if (width && template.length > 0) {
    expectCount(1);
    const of = scalarAt(0);
    if (of !== "f32" && of !== "f16") return fail();
    return { kind: "matrix", columns: Number(width), rows: Number(height), of };
  }
  if (name.name === "array" && template.length > 0) {
    expectCount(1, 2);
    const [, count] = template;
    return { kind: "array", element: context.type(named(0)), count: count && context.count(count) };
  }
  if (name.name === "atomic") {
    expectCount(1);
    const of = scalarAt(0);
    return of === "u32" || of === "i32" ? { kind: "atomic", of } : fail();
  }
  if (name.name === "ptr") {
    expectCount(2);
    const space = named(0).name;
    return space === "function" ? { kind: "pointer", space, to: context.type(named(1)) } : fail();
  }
  if (name.name.startsWith("texture_")) return texture(name.name, named(0).name, named(1).name, fail);
  const [, side] = /^subgroup_matrix_(left|right|result)$/.exec(name.name) ?? [];
  if (!side) return undefined;
  expectCount(3);
  if (!context.enabled.has("chromium_experimental_subgroup_matrix"))
    throw new WgslError(line, `Expected the extension of '${name.name}' to be enabled but it is not.`);
  const of = scalarAt(0);
  if (of !== "f32" && of !== "f16") return fail();
  const [columns, rows] = [context.count(template[1]!), context.count(template[2]!)];
  return { kind: "subgroup-matrix", side: side as MatrixSide, of, columns, rows };
}

function texture(name: string, format: string, access: string, fail: () => never): Type {
  const isArray = name === "texture_storage_2d_array";
  const isKnown = isArray || name === "texture_storage_2d";
  const formats: readonly string[] = ["rgba32float", "rgba32uint"];
  const accesses: readonly string[] = ["read", "write", "read_write"];
  if (!isKnown || !formats.includes(format) || !accesses.includes(access)) return fail();
  return { kind: "texture", isArray, format, access } as Texture;
}
