/** WGSL's functions that read, write or order shared memory: barriers, atomics, textures, subgroups' matrices. */
import type { BarrierKind, Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { countName, load, memoryName } from "./memory.ts";
import {
  isSame,
  type MatrixSide,
  type SubgroupMatrix,
  scalar,
  scalarBytes,
  type Type,
  typeName,
  vector,
} from "./types.ts";
import {
  atom,
  convert,
  expectVector,
  type Operand,
  type Part,
  type Reference,
  type SharedVariable,
  stable,
  text,
  type Value,
  value,
} from "./values.ts";

/** A call, of values, pointers and textures. `template`: types and words such as `col_major`. */
export interface EffectCall {
  readonly emitter: Emitter;
  readonly name: string;
  readonly template: readonly (Type | string)[];
  readonly args: readonly Operand[];
  readonly line: number;
}

type Effect = (call: EffectCall) => Value | undefined;

const barrier =
  (kind: BarrierKind): Effect =>
  (call) => {
    expectCount(call, 0);
    wait(call, kind);
    return undefined;
  };

/** What atomics make of the old value and theirs. */
const atomics: Readonly<Record<string, (old: string, given: string) => string>> = {
  atomicStore: (_old, given) => given,
  atomicExchange: (_old, given) => given,
  atomicAdd: (old, given) => `${old} + ${given}`,
  atomicSub: (old, given) => `${old} - ${given}`,
  atomicMax: (old, given) => `max(${old}, ${given})`,
  atomicMin: (old, given) => `min(${old}, ${given})`,
  atomicAnd: (old, given) => `${old} & ${given}`,
  atomicOr: (old, given) => `${old} | ${given}`,
  atomicXor: (old, given) => `${old} ^ ${given}`,
};

const effects: Readonly<Record<string, Effect>> = {
  workgroupBarrier: barrier("workgroup"),
  storageBarrier: barrier("storage"),
  textureBarrier: barrier("texture"),
  workgroupUniformLoad,
  atomicLoad: (call) => {
    expectCount(call, 1);
    return atomicAccess(call, undefined);
  },
  ...Object.fromEntries(
    Object.entries(atomics).map(([name, change]): [string, Effect] => [
      name,
      (call) => {
        expectCount(call, 2);
        const old = atomicAccess(call, change);
        return name === "atomicStore" ? undefined : old;
      },
    ]),
  ),
  textureLoad,
  textureStore,
  subgroupMatrixLoad,
  subgroupMatrixStore,
  subgroupMatrixMultiplyAccumulate: multiplyAccumulate,
};

export const isEffect = (name: string): boolean => name in effects;
export const callEffect = (call: EffectCall): Value | undefined => effects[call.name]!(call);

function refuse({ name, line }: EffectCall, expected: string): never {
  throw new WgslError(line, `Expected ${expected} of '${name}'.`);
}

function expectCount(call: EffectCall, count: number): void {
  if (call.args.length !== count) refuse(call, `${count} arguments`);
}

function valueAt(call: EffectCall, index: number, type?: Type): Value {
  const given = call.args[index];
  if (given?.kind !== "value") refuse(call, "a value as an argument");
  return type ? convert(given, type, call.line) : given;
}

function pointee(call: EffectCall, index: number): Reference {
  const given = call.args[index];
  if (given?.kind !== "pointer") refuse(call, "a pointer as an argument");
  return given.to;
}

function wait({ emitter, line, name }: EffectCall, kind: BarrierKind): void {
  emitter.hasBarriers = true;
  emitter.emit(`yield ${emitter.site(line, name, kind)};`);
}

/** A barrier, a load by all, and another barrier. */
function workgroupUniformLoad(call: EffectCall): Value {
  expectCount(call, 1);
  const from = pointee(call, 0);
  if (from.place.kind !== "memory" || from.place.variable.space !== "workgroup")
    refuse(call, "a pointer to workgroup memory");
  wait(call, "workgroup");
  const loaded = load(call.emitter, from, call.line);
  wait(call, "workgroup");
  return loaded;
}

/** The old value; `change`: what becomes of it. */
function atomicAccess(call: EffectCall, change: ((old: string, given: string) => string) | undefined): Value {
  const { emitter } = call;
  const { type, place } = pointee(call, 0);
  if (type.kind !== "atomic" || place.kind !== "memory") return refuse(call, "a pointer to an atomic");
  if (change && !place.variable.isWritable) refuse(call, "memory that can be written");
  const given = change && text(atom(emitter, valueAt(call, 1, scalar(type.of)).parts[0]!));
  const element = `${memoryName(place.variable)}${type.of}[${text(place.address)} >> 2]`;
  const old = emitter.temporary(element, "old");
  if (change) emitter.emit(`${element} = ${change(old, given!)};`);
  return value(scalar(type.of), [old]);
}

/** The texture of a call, and the address of the texel that its coordinates name. */
function texel(call: EffectCall): { readonly variable: SharedVariable; readonly address: string } {
  const [given] = call.args;
  if (given?.kind !== "reference" || given.type.kind !== "texture" || given.place.kind !== "memory")
    return refuse(call, "a texture as the first argument");
  const { variable } = given.place;
  const coordinates = valueAt(call, 1);
  const isPlane = expectVector(coordinates, call.line).size === 2;
  const layer = given.type.isArray ? valueAt(call, 2).parts[0]! : 0;
  if (!isPlane) refuse(call, "two coordinates");
  const place = [...coordinates.parts, layer].map(text).join(", ");
  const site = call.emitter.site(call.line, given.name);
  return {
    variable,
    address: call.emitter.temporary(`${memoryName(variable)}.texel(${place}, who, ${site})`, "a"),
  };
}

const TEXEL_BYTES = 16;

function watchTexel(
  call: EffectCall,
  access: "read" | "write",
  variable: SharedVariable,
  address: string,
): void {
  const site = call.emitter.site(call.line, variable.name);
  call.emitter.emit(`${memoryName(variable)}.${access}(${address}, ${TEXEL_BYTES}, who, ${site});`);
}

const texelType = ({ type }: SharedVariable) =>
  vector(4, type.kind === "texture" && type.format === "rgba32uint" ? "u32" : "f32");

function elements(variable: SharedVariable, address: string): readonly string[] {
  const { of } = texelType(variable);
  return [0, 1, 2, 3].map((i) => `${memoryName(variable)}${of}[(${address} >> 2) + ${i}]`);
}

function accessOf({ type }: SharedVariable): string {
  return type.kind === "texture" ? type.access : "";
}

function textureLoad(call: EffectCall): Value {
  const { variable, address } = texel(call);
  expectCount(call, variable.type.kind === "texture" && variable.type.isArray ? 3 : 2);
  if (accessOf(variable) === "write") refuse(call, "a texture that can be read");
  if (variable.isWritable) watchTexel(call, "read", variable, address);
  return stable(call.emitter, value(texelType(variable), elements(variable, address)));
}

function textureStore(call: EffectCall): undefined {
  const { variable, address } = texel(call);
  const count = variable.type.kind === "texture" && variable.type.isArray ? 4 : 3;
  expectCount(call, count);
  if (!variable.isWritable) refuse(call, "a texture that can be written");
  const given = valueAt(call, count - 1, texelType(variable));
  watchTexel(call, "write", variable, address);
  for (const [i, element] of elements(variable, address).entries())
    call.emitter.emit(`${element} = ${text(given.parts[i]!)};`);
}

/** Text of the arguments that tell where in memory a subgroup's matrix stands. */
function matrixPlace(call: EffectCall, of: SubgroupMatrix["of"], offset: Value, stride: Value): string {
  const { type, place } = pointee(call, 0);
  const isArray = type.kind === "array" && isSame(type.element, scalar(of));
  if (!isArray || place.kind !== "memory")
    return refuse(call, `a pointer to an array of ${of} in shared memory`);
  const count = type.count ?? countName(place.variable);
  const parts: readonly Part[] = [place.address, count, offset.parts[0]!, stride.parts[0]!];
  return `${memoryName(place.variable)}, ${scalarBytes(of)}, ${parts.map(text).join(", ")}`;
}

function isColumnMajor(call: EffectCall, order: Type | string | undefined): boolean {
  if (order !== "col_major" && order !== "row_major")
    refuse(call, "col_major or row_major in the template list");
  return order === "col_major";
}

/** subgroupMatrixLoad<type, order>(&array, offset, stride) */
function subgroupMatrixLoad(call: EffectCall): Value {
  expectCount(call, 3);
  const { emitter, line } = call;
  const [type, order] = call.template;
  if (typeof type !== "object" || type.kind !== "subgroup-matrix") return refuse(call, "a matrix's type");
  const [offset, stride] = [1, 2].map((i) => valueAt(call, i, scalar("u32"))) as [Value, Value];
  const place = matrixPlace(call, type.of, offset, stride);
  const shape = `${type.rows}, ${type.columns}, ${isColumnMajor(call, order)}`;
  return value(type, [
    emitter.temporary(`subgroups.load(who, ${emitter.site(line, nameOf(call))}, ${place}, ${shape})`),
  ]);
}

const nameOf = (call: EffectCall): string => pointee(call, 0).name;

/** subgroupMatrixStore<order>(&array, offset, matrix, stride) */
function subgroupMatrixStore(call: EffectCall): undefined {
  expectCount(call, 4);
  const { emitter, line } = call;
  const [order] = call.template;
  const matrix = valueAt(call, 2);
  const { type } = matrix;
  if (type.kind !== "subgroup-matrix") return refuse(call, "a matrix as the third argument");
  const place = matrixPlace(call, type.of, valueAt(call, 1, scalar("u32")), valueAt(call, 3, scalar("u32")));
  if (!(pointee(call, 0).place as { variable: SharedVariable }).variable.isWritable)
    refuse(call, "memory that can be written");
  const shape = `${type.rows}, ${type.columns}, ${isColumnMajor(call, order)}`;
  const site = emitter.site(line, nameOf(call));
  emitter.emit(`subgroups.store(who, ${site}, ${place}, ${shape}, ${text(matrix.parts[0]!)});`);
}

/** left * right + sum */
function multiplyAccumulate(call: EffectCall): Value {
  expectCount(call, 3);
  const { emitter, line } = call;
  const sides: readonly MatrixSide[] = ["left", "right", "result"];
  const [left, right, sum] = sides.map((side, i) => {
    const { type } = valueAt(call, i);
    if (type.kind !== "subgroup-matrix" || type.side !== side)
      return refuse(call, `a matrix of side '${side}'`);
    return type;
  }) as [SubgroupMatrix, SubgroupMatrix, SubgroupMatrix];
  const [m, n, k] = [left.rows, right.columns, left.columns];
  if (right.rows !== k || sum.rows !== m || sum.columns !== n || left.of !== right.of)
    throw new WgslError(
      line,
      `Expected matrices that fit but received ${[left, right, sum].map(typeName).join(", ")}.`,
    );
  emitter.products.push({ operand: left.of, result: sum.of, m, n, k });
  const matrices = [0, 1, 2].map((i) => text(valueAt(call, i).parts[0]!)).join(", ");
  const site = emitter.site(line, "matrix product");
  return value(sum, [
    emitter.temporary(`subgroups.multiply(who, ${site}, ${matrices}, ${m}, ${n}, ${k}, ${sum.of === "f16"})`),
  ]);
}
