/** WGSL's text to JavaScript that runs one invocation, and what a device has to know of the kernel. */
import { Emitter, type MatrixProduct, type Site } from "./emitter.ts";
import { WgslError } from "./error.ts";
import type { Expressions } from "./expressions.ts";
import { memoryHead, memoryName } from "./memory.ts";
import { type BoundVariable, ModuleScope } from "./module-scope.ts";
import { parse } from "./parser.ts";
import { runtime, runtimeNames } from "./runtime.ts";
import type { Attribute, FunctionDeclaration, Module, Parameter } from "./syntax.ts";
import { isSame, scalar, type Type, typeName, vector } from "./types.ts";
import { type Part, type SharedVariable, type Value, value } from "./values.ts";

/**
 * One invocation, from its place: its index in the workgroup, workgroup, grid, and the index in three dimensions. It
 * yields the sites of barriers.
 */
export type Invocation = (who: number, ...place: readonly number[]) => Iterator<number> | undefined;

/** Told of an index that is out of range; gives an address where nothing is. */
export type Outside = (site: number, who: number, index: number, count: number) => number;
/** Told of a division by zero; gives `result`. */
export type ByZero = (site: number, who: number, result: number) => number;

/** What generated code is made to run on. `memories`, by name, and `subgroups` are those of machine/. */
export type Instantiate = (
  memories: Readonly<Record<string, unknown>>,
  subgroups: unknown,
  outside: Outside,
  byZero: ByZero,
) => Invocation;

export interface Program {
  readonly bound: readonly BoundVariable[];
  readonly workgroup: readonly SharedVariable[];
  /** Invocations of a workgroup. */
  readonly size: readonly [x: number, y: number, z: number];
  /** Invocations of a subgroup where the kernel asks for a number. */
  readonly subgroup: number | undefined;
  /** Whether invocations yield. */
  readonly hasBarriers: boolean;
  readonly sites: readonly Site[];
  readonly products: readonly MatrixProduct[];
  readonly enabled: ReadonlySet<string>;
  readonly instantiate: Instantiate;
}

const PLACE = "gx, gy, gz, nx, ny, nz, lx, ly, lz";

const triple = vector(3, "u32");
const single = scalar("u32");

/** Built-in values: their type, and JavaScript's text given the size of a workgroup. */
const builtins: Readonly<
  Record<string, { readonly type: Type; parts(size: Program["size"]): readonly Part[] }>
> = {
  workgroup_id: { type: triple, parts: () => ["gx", "gy", "gz"] },
  num_workgroups: { type: triple, parts: () => ["nx", "ny", "nz"] },
  local_invocation_id: { type: triple, parts: () => ["lx", "ly", "lz"] },
  local_invocation_index: { type: single, parts: () => ["who"] },
  global_invocation_id: {
    type: triple,
    parts: ([x, y, z]) => [`(gx * ${x} + lx)`, `(gy * ${y} + ly)`, `(gz * ${z} + lz)`],
  },
  subgroup_size: { type: single, parts: () => ["subgroups.size"] },
  subgroup_invocation_id: { type: single, parts: () => ["(who % subgroups.size)"] },
  subgroup_id: { type: single, parts: () => ["(who / subgroups.size >>> 0)"] },
  num_subgroups: { type: single, parts: ([x, y, z]) => [`Math.ceil(${x * y * z} / subgroups.size)`] },
};

/** Compiles the entry point `main`. Throws WgslError with the line of whatever is wrong or unknown. */
export function compile(text: string): Program {
  const module = parse(text);
  const emitter = new Emitter();
  const scope = new ModuleScope(emitter, module);
  const main = entryPoint(module);
  const size = workgroupSize(main, scope.statements.expressions);
  const parameters = new Map(
    main.parameters.map((given) => [given.name, parameter(given, size, module, scope)]),
  );
  const lines = emitter.captured(() => scope.statements.main(main, stableParameters(emitter, parameters)));
  scope.checkAll();
  return {
    bound: scope.bound,
    workgroup: scope.workgroup,
    size,
    subgroup: subgroupSize(main, scope.statements.expressions, module),
    hasBarriers: emitter.hasBarriers,
    sites: emitter.sites,
    products: emitter.products,
    enabled: module.enabled,
    instantiate: instantiator(emitter, [...scope.bound, ...scope.workgroup], lines),
  };
}

function instantiator(
  emitter: Emitter,
  variables: readonly SharedVariable[],
  body: readonly string[],
): Instantiate {
  const memories = variables.map((variable) => {
    const name = memoryName(variable);
    return `const ${name} = memories[${JSON.stringify(variable.name)}];\n${memoryHead(variable)}`;
  });
  const { hasBarriers, hoisted, first } = emitter;
  const code = [
    `"use strict"; const { ${runtimeNames} } = runtime;`,
    ...memories,
    // Invocations that never wait run one after the other, and may have their arrays together.
    ...(hasBarriers ? [] : hoisted),
    `return function${hasBarriers ? "*" : ""} main(who, ${PLACE}) {`,
    ...(hasBarriers ? hoisted : []),
    ...first,
    ...body,
    "};",
  ].join("\n");
  const make = new Function("runtime", "memories", "subgroups", "outside", "byZero", code);
  return (memories, subgroups, outside, byZero) => make(runtime, memories, subgroups, outside, byZero);
}

function entryPoint({ declarations }: Module): FunctionDeclaration {
  const functions = declarations.filter((declaration) => declaration.kind === "function");
  const entries = functions.filter(({ attributes }) => attributes.some(({ name }) => name === "compute"));
  for (const { attributes } of functions)
    for (const { name, line } of attributes)
      if (!["compute", "workgroup_size", "subgroup_size"].includes(name))
        throw new WgslError(line, `Expected a known attribute but received '@${name}'.`);
  const [main] = entries;
  if (entries.length !== 1 || main?.name !== "main" || main.result)
    throw new WgslError(main?.line ?? 1, "Expected one entry point 'main' without a result.");
  return main;
}

function workgroupSize({ attributes, line }: FunctionDeclaration, expressions: Expressions): Program["size"] {
  const { args } = attributes.find(({ name }) => name === "workgroup_size") ?? { args: [] };
  if (args.length < 1 || args.length > 3)
    throw new WgslError(line, "Expected @workgroup_size of one to three numbers.");
  const [x, y = 1, z = 1] = args.map((arg) => expressions.count(arg));
  return [x!, y, z];
}

function subgroupSize(
  { attributes }: FunctionDeclaration,
  expressions: Expressions,
  { enabled }: Module,
): number | undefined {
  const attribute = attributes.find(({ name }) => name === "subgroup_size");
  if (!attribute) return undefined;
  const [size] = attribute.args.map((arg) => expressions.count(arg));
  if (!enabled.has("subgroup_size_control") || size === undefined || Math.log2(size) % 1 !== 0)
    throw new WgslError(attribute.line, "Expected @subgroup_size of a power of two, and its extension.");
  return size;
}

function parameter(
  { name, type, attributes, line }: Parameter,
  size: Program["size"],
  { enabled }: Module,
  scope: ModuleScope,
): Value {
  const builtin = builtinName(attributes, line);
  const known = Object.hasOwn(builtins, builtin) ? builtins[builtin] : undefined;
  if (!known || (builtin.includes("subgroup") && !enabled.has("subgroups")))
    throw new WgslError(line, `Expected a known built-in value for '${name}' but received '${builtin}'.`);
  const declared = scope.statements.expressions.type(type);
  if (!isSame(declared, known.type))
    throw new WgslError(
      line,
      `Expected ${typeName(known.type)} for '${name}' but received ${typeName(declared)}.`,
    );
  return value(known.type, known.parts(size));
}

function builtinName(attributes: readonly Attribute[], line: number): string {
  const [attribute, ...others] = attributes;
  const [argument] = attribute?.args ?? [];
  if (attribute?.name !== "builtin" || others.length > 0 || argument?.kind !== "name")
    throw new WgslError(line, "Expected @builtin(name) on each parameter of the entry point.");
  return argument.name;
}

/** Parameters as constants of the generated function. */
function stableParameters(
  emitter: Emitter,
  parameters: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value> {
  return new Map(
    [...parameters].map(([name, { type, parts }]) => [
      name,
      value(
        type,
        parts.map((part) => (/^\w+$/.test(String(part)) ? part : emitter.temporary(String(part), name))),
      ),
    ]),
  );
}
