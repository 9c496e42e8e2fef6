/** WGSL's types, and where their values stand in memory. */

/** `int` and `float` are WGSL's abstract ones, of constants whose type is not decided yet. */
export type ScalarName = "bool" | "i32" | "u32" | "f32" | "f16" | "int" | "float";
export type MatrixSide = "left" | "right" | "result";

export interface Scalar {
  readonly kind: "scalar";
  readonly of: ScalarName;
}
export interface Vector {
  readonly kind: "vector";
  readonly size: number;
  readonly of: ScalarName;
}
export interface Matrix {
  readonly kind: "matrix";
  readonly columns: number;
  readonly rows: number;
  readonly of: ScalarName;
}
/** `count`: none where it is up to the binding's size. */
export interface ArrayType {
  readonly kind: "array";
  readonly element: Type;
  readonly count: number | undefined;
}
export interface Struct {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: Type }[];
}
export interface Atomic {
  readonly kind: "atomic";
  readonly of: "i32" | "u32";
}
export interface Texture {
  readonly kind: "texture";
  readonly isArray: boolean;
  readonly format: "rgba32float" | "rgba32uint";
  readonly access: "read" | "write" | "read_write";
}
export interface SubgroupMatrix {
  readonly kind: "subgroup-matrix";
  readonly side: MatrixSide;
  readonly of: "f32" | "f16";
  readonly columns: number;
  readonly rows: number;
}
export interface PointerType {
  readonly kind: "pointer";
  readonly space: string;
  readonly to: Type;
}
export type Type =
  | Scalar
  | Vector
  | Matrix
  | ArrayType
  | Struct
  | Atomic
  | Texture
  | SubgroupMatrix
  | PointerType;

export const scalar = (of: ScalarName): Scalar => ({ kind: "scalar", of });
export const vector = (size: number, of: ScalarName): Vector => ({ kind: "vector", size, of });

/** As people write it; the same for equal types only. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case "scalar":
      return type.of;
    case "vector":
      return `vec${type.size}<${type.of}>`;
    case "matrix":
      return `mat${type.columns}x${type.rows}<${type.of}>`;
    case "array":
      return `array<${typeName(type.element)}${type.count === undefined ? "" : `, ${type.count}`}>`;
    case "struct":
      return type.name;
    case "atomic":
      return `atomic<${type.of}>`;
    case "texture":
      return `texture_storage_2d${type.isArray ? "_array" : ""}<${type.format}, ${type.access}>`;
    case "subgroup-matrix":
      return `subgroup_matrix_${type.side}<${type.of}, ${type.columns}, ${type.rows}>`;
    case "pointer":
      return `ptr<${type.space}, ${typeName(type.to)}>`;
    default:
      return type satisfies never;
  }
}

export const isSame = (a: Type, b: Type): boolean => typeName(a) === typeName(b);
export const isFloat = (of: ScalarName): boolean => of === "f32" || of === "f16" || of === "float";
export const isInteger = (of: ScalarName): boolean => of === "i32" || of === "u32" || of === "int";
export const isAbstract = (of: ScalarName): boolean => of === "int" || of === "float";

/** What a value of the type is made of, one after the other: a scalar each, or a subgroup's matrix. */
export type Leaf = ScalarName | "subgroup-matrix";

/** Leaves that are read and written as one: a scalar, a vector, a column. */
export interface Cell {
  /** In bytes. */
  readonly offset: number;
  readonly leaf: Leaf;
  readonly count: number;
}

/** The cells of a type of known size, in the order of its leaves. */
export function cellsOf(type: Type): readonly Cell[] {
  switch (type.kind) {
    case "scalar":
    case "atomic":
      return [{ offset: 0, leaf: type.of, count: 1 }];
    case "vector":
      return [{ offset: 0, leaf: type.of, count: type.size }];
    case "subgroup-matrix":
      return [{ offset: 0, leaf: "subgroup-matrix", count: 1 }];
    case "matrix":
      return repeated(vector(type.rows, type.of), type.columns);
    case "array":
      if (type.count === undefined) throw new Error("Expected an array of known size.");
      return repeated(type.element, type.count);
    case "struct":
      return fieldsOf(type).flatMap(({ offset, type }) => moved(cellsOf(type), offset));
    case "texture":
    case "pointer":
      throw new Error(`Expected a type that has values but received ${typeName(type)}.`);
    default:
      return type satisfies never;
  }
}

const moved = (cells: readonly Cell[], by: number): readonly Cell[] =>
  cells.map((cell) => ({ ...cell, offset: cell.offset + by }));

function repeated(element: Type, count: number): readonly Cell[] {
  const cells = cellsOf(element);
  const stride = strideOf(element);
  return Array.from({ length: count }, (_, i) => moved(cells, i * stride)).flat();
}

export const leavesOf = (type: Type): readonly Leaf[] =>
  cellsOf(type).flatMap(({ leaf, count }) => Array.from({ length: count }, () => leaf));

export const leafCount = (type: Type): number => cellsOf(type).reduce((sum, { count }) => sum + count, 0);

export const scalarBytes = (leaf: Leaf): number => (leaf === "f16" ? 2 : 4);

const roundUp = (n: number, multiple: number) => Math.ceil(n / multiple) * multiple;

export function alignOf(type: Type): number {
  switch (type.kind) {
    case "vector":
      return scalarBytes(type.of) * (type.size === 2 ? 2 : 4);
    case "matrix":
      return alignOf(vector(type.rows, type.of));
    case "array":
      return alignOf(type.element);
    case "struct":
      return Math.max(...type.fields.map(({ type }) => alignOf(type)));
    default:
      return type.kind === "scalar" ? scalarBytes(type.of) : 4;
  }
}

/** Bytes; of an array without a size, those of one element. */
export function sizeOf(type: Type): number {
  switch (type.kind) {
    case "vector":
      return scalarBytes(type.of) * type.size;
    case "matrix":
      return type.columns * strideOf(vector(type.rows, type.of));
    case "array":
      return (type.count ?? 1) * strideOf(type.element);
    case "struct": {
      const { offset, type: last } = fieldsOf(type).at(-1)!;
      return roundUp(offset + sizeOf(last), alignOf(type));
    }
    default:
      return type.kind === "scalar" ? scalarBytes(type.of) : 4;
  }
}

/** Bytes from one element of an array to the next. */
export const strideOf = (element: Type): number => roundUp(sizeOf(element), alignOf(element));

/** The fields with their offsets in bytes, and the first of their leaves. */
export function fieldsOf({ fields }: Struct) {
  let [end, leaf] = [0, 0];
  return fields.map(({ name, type }) => {
    const offset = roundUp(end, alignOf(type));
    const place = { name, type, offset, leaf };
    end = offset + sizeOf(type);
    leaf += type.kind === "array" && type.count === undefined ? 0 : leafCount(type);
    return place;
  });
}

/**
 * Bytes that are watched as one in memory of this type: an access to part of a vector counts for the whole, as WGSL has
 * it.
 */
export function granuleOf(type: Type): number {
  const [inner, stride] = elementOf(type);
  const sizes = cellsOf(inner).map(({ leaf, count }) => scalarBytes(leaf) * count);
  const [size] = sizes as [number];
  const isEven = sizes.every((s) => s === size) && [2, 4, 8, 16].includes(size) && stride % size === 0;
  return isEven ? size : sizes.some((s) => s % 4 !== 0) ? 2 : 4;
}

function elementOf(type: Type): readonly [element: Type, stride: number] {
  if (type.kind !== "array") return [type, sizeOf(type)];
  const [element, stride] = elementOf(type.element);
  return [element, type.element.kind === "array" ? stride : strideOf(type.element)];
}
