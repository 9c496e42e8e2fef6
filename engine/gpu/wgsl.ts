/**
 * What a kernel's own text says about it: its bindings and the fields of its `struct Params`.
 *
 * Bind group layouts and uniform packing are derived from these declarations, so text and TypeScript cannot disagree.
 */
import { roundUp } from "../numbers.ts";

export type BindingKind =
  | "read-only-storage"
  | "storage"
  | "uniform"
  | {
      readonly texture: GPUTextureFormat;
      readonly dimension: "2d" | "2d-array";
      readonly access: "read-only" | "write-only";
    };

export interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly kind: BindingKind;
  /** Of a buffer at least: its struct's, or a vec4. */
  readonly bytes: number;
}

export type ScalarType = "u32" | "i32" | "f32";

export interface ParamField {
  readonly name: string;
  readonly type: ScalarType;
}

const declaration = /@group\(0\)\s*@binding\((\d+)\)\s*var(?:<([^>]*)>)?\s+(\w+)\s*:\s*([^;]+);/g;

const comment = /\/\/[^\n]*/g;

/** The `@group(0)` bindings of a shader, by binding number. Throws on a kind this engine does not use. */
export function parseBindings(code: string): Binding[] {
  const bindings = [...code.matchAll(declaration)].map(([, number, space, name, type]) => ({
    name: name!,
    binding: Number(number),
    kind: bindingKind(name!, space?.replaceAll(/\s/g, ""), type!.replaceAll(/\s/g, "")),
    bytes: paramsSize(parseFields(code, type!.trim())),
  }));
  return bindings.sort((a, b) => a.binding - b.binding);
}

/**
 * Those of the bindings that anything in the text uses: a kernel declares what all its variants bind, and what a
 * variant doesn't name is no part of it.
 *
 * This looks for a binding's name outside comments, declarations of bindings and members (`.x`), so no local name may
 * be that of a binding that variants go without.
 */
export function usedBindings(code: string): Binding[] {
  const rest = code.replaceAll(comment, "").replaceAll(declaration, "");
  return parseBindings(code).filter(({ name }) => new RegExp(`(?<![.\\w])${name}\\b`).test(rest));
}

function bindingKind(name: string, space: string | undefined, type: string): BindingKind {
  if (space === "storage,read" || space === "storage") return "read-only-storage";
  if (space === "storage,read_write") return "storage";
  if (space === "uniform") return "uniform";
  const [, array, format, access] = /^texture_storage_2d(_array)?<(\w+),(read|write)>$/.exec(type) ?? [];
  if (format && access) {
    return {
      texture: format as GPUTextureFormat,
      dimension: array ? "2d-array" : "2d",
      access: access === "read" ? "read-only" : "write-only",
    };
  }
  throw new Error(
    `Expected a storage buffer, uniform or storage texture but binding '${name}' is '${type}'.`,
  );
}

/** The fields of `struct Params`, in order; none if there is no such struct. Only 4-byte scalars are allowed in it. */
export function parseParams(code: string): ParamField[] {
  return parseFields(code, "Params");
}

function parseFields(code: string, struct: string): ParamField[] {
  const body = new RegExp(`struct\\s+${struct}\\s*\\{([^}]*)\\}`).exec(code)?.[1];
  if (body === undefined) return [];
  const fields = body.replaceAll(comment, "").split(",");
  return fields
    .map((field) => field.trim())
    .filter((field) => field !== "")
    .map((field) => {
      const [, name, type] = /^(\w+)\s*:\s*(u32|i32|f32)$/.exec(field) ?? [];
      if (!name) throw new Error(`Expected a 4-byte scalar in struct ${struct} but received '${field}'.`);
      return { name, type: type as ScalarType };
    });
}

/** Packs `values` in the order of `fields`; every field must be given, and nothing else. */
export function packParams(
  fields: readonly ParamField[],
  values: Readonly<Record<string, number>>,
): ArrayBuffer {
  const unknown = Object.keys(values).find((name) => !fields.some((field) => field.name === name));
  if (unknown) throw new Error(`Expected one of the fields of Params but received '${unknown}'.`);
  const bytes = new ArrayBuffer(paramsSize(fields));
  const view = new DataView(bytes);
  for (const [i, { name, type }] of fields.entries()) {
    const value = values[name];
    if (value === undefined) throw new Error(`Expected a value for Params.${name} but received none.`);
    if (!isWithin(type, value))
      throw new Error(`Expected a value of ${type} for Params.${name} but received ${value}.`);
    if (type === "f32") view.setFloat32(4 * i, value, true);
    else if (type === "u32") view.setUint32(4 * i, value, true);
    else view.setInt32(4 * i, value, true);
  }
  return bytes;
}

/** Whether a field holds `value` as it is; of f32, the nearest value to it. A DataView would wrap integers. */
function isWithin(type: ScalarType, value: number): boolean {
  if (type === "u32") return value === value >>> 0;
  if (type === "i32") return value === (value | 0);
  return Number.isFinite(Math.fround(value)) || !Number.isFinite(value);
}

/** Three numbered fields of a `struct Params`: `mean0`, `mean1`, `mean2`. */
export function triple(name: string, [a, b, c]: readonly [number, number, number]): Record<string, number> {
  return { [`${name}0`]: a, [`${name}1`]: b, [`${name}2`]: c };
}

/** Bytes of a uniform buffer with these fields: a multiple of 16. */
export function paramsSize(fields: readonly ParamField[]): number {
  return Math.max(16, roundUp(4 * fields.length, 16));
}

/** The text of a kernel that asks for subgroups of `size` invocations. */
export const withSubgroups = (text: string, size: number): string =>
  `enable subgroup_size_control;\n${text.replace("@compute ", `@compute @subgroup_size(${size}) `)}`;
