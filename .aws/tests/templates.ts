/**
 * The templates as they are written: YAML with CloudFormation's short tags, each of which stands for a function by its
 * long name.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";

export type Value = string | number | boolean | null | readonly Value[] | Fields;
export interface Fields {
  readonly [name: string]: Value;
}

export interface Parameter {
  readonly Type: string;
  readonly Description?: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly ConstraintDescription?: string;
  readonly AllowedValues?: readonly (string | number)[];
  readonly MinValue?: number;
  readonly MaxValue?: number;
}

export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Properties: Fields;
}

export interface Rule {
  readonly RuleCondition: Value;
  readonly Assertions: readonly { readonly Assert: Value; readonly AssertDescription: string }[];
}

type Named<T> = Readonly<Record<string, T>>;

export interface Template {
  readonly Parameters: Named<Parameter>;
  readonly Rules: Named<Rule>;
  readonly Mappings: Named<Named<Named<Value>>>;
  readonly Conditions: Named<Value>;
  readonly Resources: Named<Resource>;
  readonly Outputs: Named<{ readonly Description?: string; readonly Value: Value }>;
}

export const templatesFolder = new URL("../templates/", import.meta.url);
export const templateFiles = readdirSync(templatesFolder).filter((name) => name.endsWith(".yaml"));

/** Reads one of the templates. Throws where it is no YAML or has a tag that CloudFormation does not know. */
export function readTemplate(file: string): Template {
  const document = parseDocument(readFileSync(new URL(file, templatesFolder), "utf8"));
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`Expected ${file} to be YAML but received: ${error.message}`);
  const sections = plainOf(document.contents) as unknown as Partial<Template>;
  const empty = { Parameters: {}, Rules: {}, Mappings: {}, Conditions: {}, Outputs: {} };
  return { ...empty, Resources: {}, ...sections };
}

/** How many resources of a type a template has. */
export function countOf(file: string, type: string): number {
  return Object.values(readTemplate(file).Resources).filter(({ Type }) => Type === type).length;
}

const functions = ["If", "Not", "Equals", "And", "Or", "Contains", "FindInMap", "Sub", "Join", "Select"];
const tags = new Set([...functions, "Split", "GetAtt", "GetAZs", "Cidr", "Base64"].map((name) => `!${name}`));

function plainOf(node: Node | null): Value {
  const value = untagged(node);
  const tag = node?.tag;
  if (!tag?.startsWith("!")) return value;
  if (tag === "!Ref" || tag === "!Condition") return { [tag.slice(1)]: value };
  if (!tags.has(tag)) throw new Error(`Expected a function of CloudFormation but received ${tag}.`);
  const isPath = tag === "!GetAtt" && typeof value === "string";
  return { [`Fn::${tag.slice(1)}`]: isPath ? splitOnce(value, ".") : value };
}

function untagged(node: Node | null): Value {
  if (node === null) return null;
  if (isAlias(node)) throw new Error("Expected no alias: CloudFormation's command line does not take it.");
  if (isSeq(node)) return node.items.map((item) => plainOf(item as Node));
  if (isMap(node)) {
    const fields = node.items.map(({ key, value }) => [String(key), plainOf(value as Node | null)]);
    return Object.fromEntries(fields) as Fields;
  }
  return isScalar(node) ? (node.value as Value) : null;
}

/** Before and behind the first `separator`. */
export function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

export function isFields(value: Value | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The name and argument of a function, where the value is one. */
export function functionOf(value: Value): readonly [name: string, argument: Value] | undefined {
  if (!isFields(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0) return undefined;
  // A `Condition` with fields is IAM's.
  const isFunction = entry[0].startsWith("Fn::") || entry[0] === "Ref";
  return isFunction || (entry[0] === "Condition" && typeof entry[1] === "string") ? entry : undefined;
}

/** The names in `${...}` of a text for Fn::Sub; `${!...}` stands for itself. */
export function substitutions(text: string): string[] {
  return [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name]) => name!);
}
