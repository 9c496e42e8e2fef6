/**
 * A stack as CloudFormation would make it: a template with its parameters' values, all functions carried out, nested
 * stacks included.
 */
import { attributes, type Made, pseudoParameters, refs } from "./made-up.ts";
import { misfit } from "./parameters.ts";
import {
  type Fields,
  functionOf,
  isFields,
  type Parameter,
  type Resource,
  readTemplate,
  splitOnce,
  substitutions,
  type Template,
  type Value,
} from "./templates.ts";

/** A resource that is there, with resolved properties. */
export interface Resolved extends Resource {
  readonly name: string;
}

/** What `!Ref AWS::NoValue` gives: whatever has it is left out. */
const nothing: unique symbol = Symbol("AWS::NoValue");
type Result = Value | typeof nothing;

const isList = ({ Type }: Parameter) => Type.startsWith("List<") || Type === "CommaDelimitedList";

export class Stack {
  readonly file: string;
  readonly template: Template;
  /** Begins made-up names. */
  readonly #prefix: string;
  readonly #values = new Map<string, Value>();
  readonly #nested = new Map<string, Stack>();

  /**
   * Throws where a value is missing, is nobody's or does not fit its parameter's constraints, and where a rule of the
   * template is broken.
   */
  constructor(file: string, values: Readonly<Record<string, string>>, prefix: string) {
    this.file = file;
    this.template = readTemplate(file);
    this.#prefix = prefix;
    const { Parameters } = this.template;
    for (const name of Object.keys(values))
      if (!Object.hasOwn(Parameters, name)) throw this.#wrong(`no value for ${name}`, "one");
    for (const [name, parameter] of Object.entries(Parameters)) {
      const value = values[name] ?? parameter.Default;
      if (value === undefined) throw this.#wrong(`a value for ${name}`, "none");
      const text = isList(parameter) ? String(value).split(",") : String(value);
      const wrong = [text].flat().map((each) => misfit(parameter, each));
      const first = wrong.find((each) => each !== undefined);
      if (first !== undefined) throw this.#wrong(`${name} to be ${first}`, `'${text}'`);
      this.#values.set(name, parameter.Type === "Number" ? Number(text) : text);
    }
    for (const { RuleCondition, Assertions } of Object.values(this.template.Rules)) {
      if (this.#truth(RuleCondition) !== true) continue;
      for (const { Assert, AssertDescription } of Assertions)
        if (this.#truth(Assert) !== true) throw new Error(AssertDescription);
    }
  }

  /** The resources that its conditions let be. */
  get resources(): Resolved[] {
    return Object.keys(this.template.Resources)
      .filter((name) => this.#exists(name))
      .map((name) => this.resource(name));
  }

  /** Throws where it is not there. */
  resource(name: string): Resolved {
    const resource = this.template.Resources[name];
    if (resource === undefined || !this.#exists(name)) throw this.#wrong(`a resource ${name}`, "none");
    return { ...resource, name, Properties: this.resolve(resource.Properties ?? {}) as Fields };
  }

  ofType(type: string): Resolved[] {
    return this.resources.filter(({ Type }) => Type === type);
  }

  /** The nested stack of a resource of that name. */
  nested(name: string): Stack {
    const known = this.#nested.get(name);
    if (known !== undefined) return known;
    const { TemplateURL, Parameters } = this.resource(name).Properties;
    const values = Object.entries(Parameters as Fields).map(([key, value]) => [key, String(value)]);
    const stack = new Stack(String(TemplateURL), Object.fromEntries(values), this.#prefix);
    this.#nested.set(name, stack);
    return stack;
  }

  /** This stack and all in it, by their names in it. */
  all(): Readonly<Record<string, Stack>> {
    const names = this.ofType("AWS::CloudFormation::Stack").map(({ name }) => name);
    return { Root: this, ...Object.fromEntries(names.map((name) => [name, this.nested(name)])) };
  }

  get outputNames(): string[] {
    return Object.keys(this.template.Outputs);
  }

  output(name: string): Value {
    const output = this.template.Outputs[name];
    if (output === undefined) throw this.#wrong(`an output ${name}`, "none");
    return this.resolve(output.Value);
  }

  /** A template without functions, which tools can look at. */
  plain(): object {
    const resources = this.resources.map(({ name, Condition, ...resource }) => [name, resource]);
    return { AWSTemplateFormatVersion: "2010-09-09", Resources: Object.fromEntries(resources) };
  }

  /** Throws for functions that it does not know, and for names that there aren't. */
  resolve(value: Value): Value {
    const result = this.#resolve(value);
    if (result === nothing) throw this.#wrong("a value", "AWS::NoValue");
    return result;
  }

  #resolve(value: Value): Result {
    if (Array.isArray(value)) return value.map((item) => this.#resolve(item)).filter(isThere);
    if (!isFields(value)) return value;
    const [name, argument] = functionOf(value) ?? [];
    if (name !== undefined) return this.#call(name, argument!);
    const fields = Object.entries(value).map(([key, part]) => [key, this.#resolve(part)] as const);
    return Object.fromEntries(fields.filter(([, part]) => part !== nothing)) as Fields;
  }

  #call(name: string, argument: Value): Result {
    const parts = () => this.resolve([argument].flat() as Value[]) as readonly Value[];
    const list = argument as readonly Value[];
    switch (name) {
      case "Ref":
        return this.#ref(String(argument));
      case "Fn::GetAtt":
        return this.#attribute(String(list[0]), list.slice(1).join("."));
      case "Fn::If":
        return this.#resolve(list[this.#condition(String(list[0])) ? 1 : 2]!);
      case "Fn::Sub":
        return this.#substitute(argument);
      case "Fn::FindInMap": {
        const [map, top, second] = parts();
        const found = this.template.Mappings[String(map)]?.[String(top)]?.[String(second)];
        if (found === undefined) throw this.#wrong(`a value of ${map}, ${top}, ${second}`, "none");
        return found;
      }
      case "Fn::Join": {
        const [separator, items] = parts();
        return (items as string[]).join(String(separator));
      }
      case "Fn::Split": {
        const [separator, text] = parts();
        return String(text).split(String(separator));
      }
      case "Fn::Select": {
        const [index, items] = parts();
        const item = (items as string[])[Number(index)];
        if (item === undefined) throw this.#wrong(`an item ${index} of Fn::Select`, "none");
        return item;
      }
      case "Fn::GetAZs":
        return ["a", "b", "c"].map((zone) => `${pseudoParameters["AWS::Region"]}${zone}`);
      case "Fn::Cidr":
        return cidrs(parts());
      case "Fn::Base64":
        return Buffer.from(String(this.resolve(argument))).toString("base64");
      default:
        return this.#truth({ [name]: argument });
    }
  }

  /** A condition, or what a condition is made of. */
  #truth(value: Value): boolean {
    const [name, argument] = functionOf(value) ?? [];
    const list = (Array.isArray(argument) ? argument : []) as readonly Value[];
    switch (name) {
      case "Condition":
        return this.#condition(String(argument));
      case "Fn::Not":
        return !this.#truth(list[0]!);
      case "Fn::And":
        return list.every((part) => this.#truth(part));
      case "Fn::Or":
        return list.some((part) => this.#truth(part));
      case "Fn::Equals":
        return String(this.resolve(list[0]!)) === String(this.resolve(list[1]!));
      case "Fn::Contains":
        return (this.resolve(list[0]!) as Value[]).map(String).includes(String(this.resolve(list[1]!)));
      default:
        throw this.#wrong("a function that is known", `${name}`);
    }
  }

  #condition(name: string): boolean {
    const condition = this.template.Conditions[name];
    if (condition === undefined) throw this.#wrong(`a condition ${name}`, "none");
    return this.#truth(condition);
  }

  #exists(name: string): boolean {
    const condition = this.template.Resources[name]?.Condition;
    return condition === undefined || this.#condition(condition);
  }

  #ref(name: string): Result {
    if (name === "AWS::NoValue") return nothing;
    const value = this.#values.get(name) ?? pseudoParameters[name];
    if (value !== undefined) return value;
    const made = this.#made(name);
    const make = refs[made.Type];
    if (make === undefined) throw this.#wrong(`a type with a Ref for ${name}`, made.Type);
    return make(made);
  }

  #attribute(name: string, attribute: string): Value {
    const made = this.#made(name);
    if (made.Type === "AWS::CloudFormation::Stack")
      return this.nested(name).output(splitOnce(attribute, ".")[1]);
    const make = attributes[made.Type]?.[attribute];
    if (make === undefined) throw this.#wrong(`a type with ${attribute} for ${name}`, made.Type);
    return make(made);
  }

  #made(name: string): Made & { readonly Type: string } {
    const resource = this.template.Resources[name];
    if (resource === undefined || !this.#exists(name)) throw this.#wrong(`a resource ${name}`, "none");
    const stack = this;
    return {
      Type: resource.Type,
      name,
      prefix: this.#prefix,
      get properties() {
        return stack.resource(name).Properties;
      },
    };
  }

  #substitute(argument: Value): string {
    const [text, own = {}] = [argument].flat() as [string, Fields?];
    const values = this.resolve(own) as Fields;
    return substitutions(text).reduce((done, name) => {
      const [resource, attribute] = splitOnce(name, ".");
      const value =
        values[name] ?? (attribute === "" ? this.#ref(name) : this.#attribute(resource, attribute));
      return done.replace(`\${${name}}`, () => String(value));
    }, text);
  }

  #wrong(expected: string, received: string): Error {
    return new Error(`Expected ${expected} in ${this.file} but received ${received}.`);
  }
}

function isThere(result: Result): result is Value {
  return result !== nothing;
}

/** Blocks of addresses, one after the other, from the beginning of an IPv4 block. */
function cidrs([block, count, bits]: readonly Value[]): string[] {
  const [address] = splitOnce(String(block), "/");
  const start = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const of = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
  return Array.from(
    { length: Number(count) },
    (_, i) => `${of(start + i * 2 ** Number(bits))}/${32 - Number(bits)}`,
  );
}
