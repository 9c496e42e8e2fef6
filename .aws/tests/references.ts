/** What a template's values refer to, in all branches, whether or not any environment takes them. */
import { type Fields, functionOf, splitOnce, substitutions, type Template, type Value } from "./templates.ts";

export type Reference =
  /** A parameter, a resource or a pseudo parameter. */
  | { readonly kind: "ref"; readonly name: string }
  | { readonly kind: "attribute"; readonly name: string; readonly attribute: string }
  | { readonly kind: "condition"; readonly name: string }
  | { readonly kind: "mapping"; readonly name: string; readonly key: string };

/** Every reference of the template, in no order; some come more than once. */
export function referencesOf({ Rules, Conditions, Resources, Outputs }: Template): Reference[] {
  const rules = Object.values(Rules).flatMap(({ RuleCondition, Assertions }) => [
    RuleCondition,
    ...Assertions.map(({ Assert }) => Assert),
  ]);
  const outputs = Object.values(Outputs).map((output) => output.Value);
  const resources = Object.values(Resources).flatMap(({ Properties, Condition, DependsOn = [] }) => [
    ...referencesOfValue(Properties),
    ...(Condition === undefined ? [] : [{ kind: "condition", name: Condition } as const]),
    ...[DependsOn].flat().map((name) => ({ kind: "ref", name }) as const),
  ]);
  return [...[...rules, ...Object.values(Conditions), ...outputs].flatMap(referencesOfValue), ...resources];
}

/** Those of a value and of all in it. */
export function referencesOfValue(value: Value | undefined): Reference[] {
  if (typeof value !== "object" || value === null) return [];
  const [name, argument] = functionOf(value) ?? [];
  if (name === undefined) return Object.values(value as Fields).flatMap(referencesOfValue);
  if (name === "Ref") return [{ kind: "ref", name: String(argument) }];
  if (name === "Condition") return [{ kind: "condition", name: String(argument) }];
  if (name === "Fn::GetAtt") return [attribute((argument as string[]).join("."))];
  if (name === "Fn::Sub") return referencesOfText(argument!);
  const parts = [argument!].flat() as readonly Value[];
  const [first, , third] = parts.map(String);
  const inner = parts.flatMap(referencesOfValue);
  if (name === "Fn::If") return [{ kind: "condition", name: first! }, ...inner];
  return name === "Fn::FindInMap" ? [{ kind: "mapping", name: first!, key: third! }, ...inner] : inner;
}

function referencesOfText(argument: Value): Reference[] {
  const [text, own = {}] = [argument].flat() as [string, Fields?];
  const names = substitutions(text).filter((name) => !Object.hasOwn(own, name));
  const named = names.map((name) =>
    name.includes(".") ? attribute(name) : ({ kind: "ref", name } as const),
  );
  return [...referencesOfValue(own), ...named];
}

function attribute(path: string): Reference {
  const [name, rest] = splitOnce(path, ".");
  return { kind: "attribute", name, attribute: rest };
}
