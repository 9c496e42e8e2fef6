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
  const found: Reference[] = [];
  for (const { RuleCondition, Assertions } of Object.values(Rules)) {
    collect(RuleCondition, found);
    for (const { Assert } of Assertions) collect(Assert, found);
  }
  for (const value of Object.values(Conditions)) collect(value, found);
  for (const { Value: value } of Object.values(Outputs)) collect(value, found);
  for (const { Properties, Condition, DependsOn = [] } of Object.values(Resources)) {
    collect(Properties, found);
    if (Condition !== undefined) found.push({ kind: "condition", name: Condition });
    for (const name of [DependsOn].flat() as string[]) found.push({ kind: "ref", name });
  }
  return found;
}

function collect(value: Value, found: Reference[]): void {
  if (typeof value !== "object" || value === null) return;
  const [name, argument] = functionOf(value) ?? [];
  if (name === undefined) {
    for (const part of Object.values(value as Fields)) collect(part, found);
    return;
  }
  if (name === "Ref") found.push({ kind: "ref", name: String(argument) });
  else if (name === "Condition") found.push({ kind: "condition", name: String(argument) });
  else if (name === "Fn::GetAtt") found.push(attribute((argument as string[]).join(".")));
  else if (name === "Fn::Sub") collectSub(argument!, found);
  else {
    const parts = [argument!].flat() as readonly Value[];
    if (name === "Fn::If") found.push({ kind: "condition", name: String(parts[0]) });
    if (name === "Fn::FindInMap")
      found.push({ kind: "mapping", name: String(parts[0]), key: String(parts[2]) });
    for (const part of parts) collect(part, found);
  }
}

function collectSub(argument: Value, found: Reference[]): void {
  const [text, own = {}] = [argument].flat() as [string, Fields?];
  collect(own, found);
  for (const name of substitutions(text)) {
    if (Object.hasOwn(own, name)) continue;
    found.push(name.includes(".") ? attribute(name) : { kind: "ref", name });
  }
}

function attribute(path: string): Reference {
  const [name, rest] = splitOnce(path, ".");
  return { kind: "attribute", name, attribute: rest };
}
