/** Code that reads and writes references: bounds, watched accesses, the representation in memory. */
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import {
  type Cell,
  cellsOf,
  fieldsOf,
  type Leaf,
  leafCount,
  leavesOf,
  sizeOf,
  strideOf,
  type Type,
  typeName,
  vector,
} from "./types.ts";
import {
  atom,
  expectInteger,
  folded,
  type Part,
  type Reference,
  type SharedVariable,
  stable,
  text,
  type Value,
  value,
} from "./values.ts";

/** Names in generated code of what a shared variable has: itself, its views, elements of its array without a size. */
export const memoryName = ({ name }: SharedVariable): string => `${name}$`;
const viewName = (variable: SharedVariable, view: string): string => `${memoryName(variable)}${view}`;
export const countName = (variable: SharedVariable): string => viewName(variable, "count");

export const views = ["f32", "u32", "i32", "u16"] as const;

/** The declarations of these names. */
export function memoryHead(variable: SharedVariable): string {
  const memory = memoryName(variable);
  const declared = views.map((view) => `${viewName(variable, view)} = ${memory}.${view}`);
  const [inner, before] = runtimeArray(variable.type);
  const count =
    inner && `${countName(variable)} = Math.floor((${memory}.bytes - ${before}) / ${strideOf(inner)})`;
  return `const ${[...declared, ...(count ? [count] : [])].join(", ")};`;
}

/** The element of the array without a size in a type, and the bytes in front of it. */
function runtimeArray(type: Type): readonly [element: Type | undefined, before: number] {
  if (type.kind === "array" && type.count === undefined) return [type.element, 0];
  if (type.kind !== "struct") return [undefined, 0];
  const last = fieldsOf(type).at(-1)!;
  const [element] = runtimeArray(last.type);
  return [element, last.offset];
}

const viewOf = (leaf: Leaf): (typeof views)[number] =>
  leaf === "f16" ? "u16" : leaf === "f32" || leaf === "i32" ? leaf : "u32";

/** A value's leaf as memory's element holds it, and back. */
function decoded(leaf: Leaf, element: string): string {
  if (leaf === "f16") return `halves[${element}]`;
  return leaf === "bool" ? `(${element} !== 0)` : element;
}

function encoded(leaf: Leaf, part: Part): string {
  if (leaf === "f16") return `halfBits(${text(part)})`;
  return leaf === "bool" ? `(${text(part)} ? 1 : 0)` : text(part);
}

const sum = (a: Part, b: Part): Part =>
  b === 0 ? a : a === 0 ? b : folded([a, b], (left, right) => `(${left} + ${right})`);

/** The index of a cell's first element in its view. */
function elementIndex(emitter: Emitter, address: Part, { leaf, offset }: Cell): Part {
  const shift = leaf === "f16" ? 1 : 2;
  return atom(
    emitter,
    folded([sum(address, offset)], (bytes) => `(${bytes} >> ${shift})`),
  );
}

function watch(
  emitter: Emitter,
  access: "read" | "write",
  variable: SharedVariable,
  address: Part,
  line: number,
) {
  if (!variable.isWritable) return undefined;
  const site = emitter.site(line, variable.name);
  return ({ leaf, offset, count }: Cell) => {
    const bytes = (leaf === "f16" ? 2 : 4) * count;
    emitter.emit(`${memoryName(variable)}.${access}(${text(sum(address, offset))}, ${bytes}, who, ${site});`);
  };
}

/** The value of a reference. */
export function load(emitter: Emitter, { type, place, name }: Reference, line: number): Value {
  switch (place.kind) {
    case "locals":
      return value(type, place.names);
    case "choice": {
      const parts = leavesOf(type).map((_, leaf) =>
        place.choices.reduceRight(
          (rest, names, i) => `(${place.index} === ${i} ? ${names[leaf]} : ${rest})`,
          "0",
        ),
      );
      return value(type, parts);
    }
    case "array": {
      const leaves = leavesOf(type);
      return value(
        type,
        leaves.map((leaf, i) => {
          const element = `${place.array}[${text(sum(place.first, i))}]`;
          return leaf === "bool" ? `(${element} !== 0)` : element;
        }),
      );
    }
    case "memory":
      return loadShared(emitter, type, place.variable, place.address, name, line);
    default:
      return place satisfies never;
  }
}

function loadShared(
  emitter: Emitter,
  type: Type,
  variable: SharedVariable,
  address: Part,
  name: string,
  line: number,
): Value {
  if (type.kind === "atomic" || (type.kind === "array" && type.count === undefined))
    throw new WgslError(line, `Expected a value but '${name}' is ${typeName(type)}.`);
  const watched = watch(emitter, "read", variable, address, line);
  const parts = cellsOf(type).flatMap((cell) => {
    watched?.(cell);
    const first = elementIndex(emitter, address, cell);
    return Array.from({ length: cell.count }, (_, i) =>
      decoded(cell.leaf, `${viewName(variable, viewOf(cell.leaf))}[${text(sum(first, i))}]`),
    );
  });
  const loaded = value(type, parts);
  return variable.isWritable ? stable(emitter, loaded) : loaded;
}

/** Assigns to a reference a value of its type. */
export function store(emitter: Emitter, { type, place, name }: Reference, given: Value, line: number): void {
  const { parts } = given.parts.length > 1 ? stable(emitter, given) : given;
  switch (place.kind) {
    case "locals":
      for (const [i, local] of place.names.entries()) emitter.emit(`${local} = ${text(parts[i]!)};`);
      return;
    case "choice":
      for (const [i, names] of place.choices.entries()) {
        const assignments = names.map((local, leaf) => `${local} = ${text(parts[leaf]!)};`);
        emitter.emit(`if (${place.index} === ${i}) { ${assignments.join(" ")} }`);
      }
      return;
    case "array":
      for (const [i, part] of parts.entries())
        emitter.emit(`${place.array}[${text(sum(place.first, i))}] = ${text(part)};`);
      return;
    case "memory":
      if (!place.variable.isWritable)
        throw new WgslError(line, `Expected something that can be written but '${name}' can only be read.`);
      storeShared(emitter, type, place.variable, place.address, parts, line);
      return;
    default:
      place satisfies never;
  }
}

function storeShared(
  emitter: Emitter,
  type: Type,
  variable: SharedVariable,
  address: Part,
  parts: readonly Part[],
  line: number,
): void {
  const watched = watch(emitter, "write", variable, address, line);
  let next = 0;
  for (const cell of cellsOf(type)) {
    watched?.(cell);
    const first = elementIndex(emitter, address, cell);
    const view = viewName(variable, viewOf(cell.leaf));
    for (let i = 0; i < cell.count; i++)
      emitter.emit(`${view}[${text(sum(first, i))}] = ${encoded(cell.leaf, parts[next++]!)};`);
  }
}

/** How far into its object an element is: what it counts, its type, and how many there are. */
interface Elements {
  readonly type: Type;
  /** Undefined: as the binding's size says. */
  readonly count: number | undefined;
}

export function elementsOf(type: Type, name: string, line: number): Elements {
  if (type.kind === "array") return { type: type.element, count: type.count };
  if (type.kind === "vector") return { type: { kind: "scalar", of: type.of }, count: type.size };
  if (type.kind === "matrix") return { type: vector(type.rows, type.of), count: type.columns };
  throw new WgslError(line, `Expected something with elements but '${name}' is ${typeName(type)}.`);
}

/** The index as a number, where it is constant. */
export function constantIndex({ parts }: Value, count: number | undefined, line: number): number | undefined {
  const [index] = parts;
  if (typeof index !== "number") return undefined;
  if (index < 0 || (count !== undefined && index >= count))
    throw new WgslError(line, `Expected an index below ${count} but received ${index}.`);
  return index;
}

/** A JavaScript expression: `place` where the index is below `count`, else far outside, and told of. */
export function bounded(
  emitter: Emitter,
  name: string,
  index: Value,
  count: string | number,
  place: (index: string) => string,
  line: number,
): string {
  const i = text(atom(emitter, index.parts[0]!));
  const isInside = index.type.kind === "scalar" && index.type.of === "i32" ? `${i} >>> 0` : i;
  const site = emitter.site(line, name);
  return emitter.temporary(
    `(${isInside}) < ${count} ? ${place(i)} : outside(${site}, who, ${i}, ${count})`,
    "a",
  );
}

/** A reference to an element. */
export function element(emitter: Emitter, object: Reference, index: Value, line: number): Reference {
  expectInteger(index, line);
  const { name, place } = object;
  const { type, count } = elementsOf(object.type, name, line);
  const at = constantIndex(index, count, line);
  if (place.kind === "choice") throw new WgslError(line, "Expected no element of what an index chose.");
  if (place.kind === "locals")
    return localElement(emitter, object, place.names, { type, count }, index, at, line);
  const stride = place.kind === "array" ? leafCount(type) : strideOf(type);
  const first = place.kind === "array" ? place.first : place.address;
  const isKnown = at !== undefined && count !== undefined;
  const limit = count ?? (place.kind === "memory" ? countName(place.variable) : 0);
  const next = isKnown
    ? sum(first, at * stride)
    : bounded(emitter, name, index, limit, (i) => text(sum(first, `${i} * ${stride}`)), line);
  const moved = place.kind === "array" ? { ...place, first: next } : { ...place, address: next };
  return { kind: "reference", name, type, place: moved };
}

function localElement(
  emitter: Emitter,
  { name }: Reference,
  names: readonly string[],
  { type, count }: Elements,
  index: Value,
  at: number | undefined,
  line: number,
): Reference {
  const leaves = leafCount(type);
  const chosen = (i: number) => names.slice(i * leaves, (i + 1) * leaves);
  if (at !== undefined)
    return { kind: "reference", name, type, place: { kind: "locals", names: chosen(at) } };
  const choices = Array.from({ length: count! }, (_, i) => chosen(i));
  const i = bounded(emitter, name, index, count!, (text) => text, line);
  return { kind: "reference", name, type, place: { kind: "choice", choices, index: i } };
}

/** A reference to a field of a struct, or to a component of a vector. */
export function member(object: Reference, field: string, line: number): Reference {
  const { name, place, type } = object;
  const found = memberOf(type, field, name, line);
  const size = leafCountIfAny(found.type);
  switch (place.kind) {
    case "locals":
      return {
        ...object,
        type: found.type,
        place: { ...place, names: place.names.slice(found.leaf, found.leaf + size) },
      };
    case "choice": {
      const choices = place.choices.map((names) => names.slice(found.leaf, found.leaf + size));
      return { ...object, type: found.type, place: { ...place, choices } };
    }
    case "array":
      return { ...object, type: found.type, place: { ...place, first: sum(place.first, found.leaf) } };
    case "memory":
      return { ...object, type: found.type, place: { ...place, address: sum(place.address, found.offset) } };
    default:
      return place satisfies never;
  }
}

const leafCountIfAny = (type: Type): number =>
  type.kind === "array" && type.count === undefined ? 0 : leafCount(type);

/** Where a field or a component is in its object: bytes, and leaves. */
export function memberOf(type: Type, field: string, name: string, line: number) {
  if (type.kind === "struct") {
    const found = fieldsOf(type).find((f) => f.name === field);
    if (found) return found;
  }
  if (type.kind === "vector" && field.length === 1) {
    const [leaf] = swizzle(type.size, field, line);
    const component = { kind: "scalar", of: type.of } as const;
    return { name: field, type: component, leaf: leaf!, offset: leaf! * sizeOf(component) };
  }
  throw new WgslError(line, `Expected a member of ${typeName(type)} but received '${name}.${field}'.`);
}

/** The components that letters name: `xyzw` or `rgba`. */
export function swizzle(size: number, letters: string, line: number): readonly number[] {
  const alphabet = ["xyzw", "rgba"].find((names) => [...letters].every((letter) => names.includes(letter)));
  const components = [...letters].map((letter) => alphabet?.indexOf(letter) ?? size);
  if (letters.length > 4 || components.some((i) => i >= size))
    throw new WgslError(line, `Expected components of a vector of ${size} but received '${letters}'.`);
  return components;
}
