/** Every name leads somewhere, in all branches and over all stacks, and nothing is there that nobody uses. */
import { describe, expect, it } from "vitest";
import { attributes, pseudoParameters, refs } from "./made-up.ts";
import { environments, exampleParameters } from "./parameters.ts";
import { type Reference, referencesOf } from "./references.ts";
import { Stack } from "./stack.ts";
import { type Fields, readTemplate, splitOnce, type Template, templateFiles } from "./templates.ts";

const templates = new Map(templateFiles.map((file) => [file, readTemplate(file)]));
const root = templates.get("root.yaml")!;
const nestedFiles = Object.values(root.Resources).map(({ Properties }) => String(Properties.TemplateURL));

const of = <K extends Reference["kind"]>(template: Template, kind: K) =>
  referencesOf(template).filter((reference) => reference.kind === kind) as Extract<Reference, { kind: K }>[];
const namesOf = (template: Template, kind: Exclude<Reference["kind"], "mapping">) =>
  new Set(of(template, kind).map(({ name }) => name));

/** The types of which a stack may use an attribute, with the attribute. */
function isAttribute(template: Template, name: string, attribute: string): boolean {
  const { Type, Properties } = template.Resources[name] ?? {};
  if (Type !== "AWS::CloudFormation::Stack") return attributes[Type ?? ""]?.[attribute] !== undefined;
  const [word, output] = splitOnce(attribute, ".");
  const nested = templates.get(String(Properties?.TemplateURL));
  return word === "Outputs" && nested?.Outputs[output] !== undefined;
}

describe.each([...templates])("%s", (file, template) => {
  it("refers to parameters, resources and attributes that there are", () => {
    const pseudo = [...Object.keys(pseudoParameters), "AWS::NoValue"];
    const known = [...pseudo, ...Object.keys(template.Parameters), ...Object.keys(template.Resources)];
    expect([...namesOf(template, "ref")].filter((name) => !known.includes(name))).toEqual([]);
    const lost = of(template, "attribute").filter(
      ({ name, attribute }) => !isAttribute(template, name, attribute),
    );
    expect(lost).toEqual([]);
  });

  it("has the conditions and values of mappings that it uses, and uses those that it has", () => {
    expect([...namesOf(template, "condition")].sort()).toEqual(Object.keys(template.Conditions).sort());
    const used = of(template, "mapping").map(({ name, key }) => `${name}.${key}`);
    for (const [name, rows] of Object.entries(template.Mappings)) {
      const keys = Object.values(rows).map((row) => Object.keys(row).map((key) => `${name}.${key}`));
      for (const row of keys) expect([...new Set(row)].sort()).toEqual([...new Set(used)].sort());
    }
  });

  it("uses its parameters, and describes and constrains them", () => {
    const used = namesOf(template, "ref");
    for (const [name, parameter] of Object.entries(template.Parameters)) {
      const { Type, Description, AllowedPattern, AllowedValues, MinValue, MaxValue } = parameter;
      expect(used, `${file}: ${name}`).toContain(name);
      expect(Description, `${file}: ${name}`).toMatch(/\.$/);
      const isLookedUp = Type.includes("AWS::");
      const isRange = MinValue !== undefined && MaxValue !== undefined;
      const isBound = isLookedUp || isRange || AllowedPattern !== undefined || AllowedValues !== undefined;
      expect(isBound, `${file}: ${name} takes anything`).toBe(true);
      if (AllowedPattern !== undefined) expect(parameter.ConstraintDescription).toMatch(/^Expected .*\.$/);
    }
  });

  it("says what its outputs are", () => {
    for (const { Description } of Object.values(template.Outputs)) expect(Description).toMatch(/\.$/);
  });
});

describe("the stacks together", () => {
  it("are all there: those of one environment and the registry", () => {
    expect([...nestedFiles, "root.yaml", "registry.yaml"].sort()).toEqual([...templateFiles].sort());
  });

  it.each(Object.keys(root.Resources))("%s is given its parameters, no more and no less", (name) => {
    const { TemplateURL, Parameters } = root.Resources[name]!.Properties;
    const wanted = Object.keys(templates.get(String(TemplateURL))!.Parameters);
    expect(Object.keys(Parameters as Fields).sort()).toEqual(wanted.sort());
  });

  it.each(Object.keys(root.Resources))("%s has no output that the root does not use", (name) => {
    const { TemplateURL } = root.Resources[name]!.Properties;
    const used = of(root, "attribute").filter((reference) => reference.name === name);
    const outputs = used.map(({ attribute }) => splitOnce(attribute, ".")[1]);
    const there = Object.keys(templates.get(String(TemplateURL))!.Outputs);
    expect([...new Set(outputs)].sort()).toEqual(there.sort());
  });

  it("know how each resource that they refer to is named", () => {
    const types = new Set([...templates.values()].flatMap(referredTypes));
    for (const type of types) expect(Object.keys(refs)).toContain(type);
  });
});

/** Types of the resources that values refer to by `Ref`; DependsOn refers to any. */
function referredTypes(template: Template): string[] {
  const resources = Object.entries(template.Resources).map(([name, { Properties, Condition }]) => {
    const own = Condition === undefined ? { Properties } : { Properties, Condition };
    return [name, { Type: template.Resources[name]!.Type, ...own }] as const;
  });
  const names = namesOf({ ...template, Resources: Object.fromEntries(resources) }, "ref");
  return [...names].flatMap((name) => template.Resources[name]?.Type ?? []);
}

describe.each(environments)("%s", (environment) => {
  const make = (more: Readonly<Record<string, string>> = {}) =>
    new Stack("root.yaml", { ...exampleParameters[environment], Environment: environment, ...more }, "test");

  it("can be made: each value that a stack hands to another fits there", () => {
    const stacks = make().all();
    expect(Object.keys(stacks)).toEqual(["Root", ...Object.keys(root.Resources)]);
    for (const stack of Object.values(stacks)) {
      expect(stack.resources.length).toBeGreaterThan(0);
      for (const name of stack.outputNames) expect(typeof stack.output(name)).toBe("string");
    }
  });

  it("has the sizes that the table has columns for", () => {
    expect(Object.keys(root.Mappings.Sizes!)).toContain(environment);
  });

  it("is refused without what it needs", () => {
    const { CertificateArn = "" } = exampleParameters.production;
    expect(() => make({ CertificateArn: "", DomainName: "a.example.com" })).toThrow("with DomainName");
    expect(() => make({ GatewayImage: "stylize-gateway:latest" })).toThrow("GatewayImage");
    expect(() => make({ JwtSharedKeyArn: "x" })).toThrow("JwtSharedKeyArn");
    expect(() => make({ Unknown: "x" })).toThrow("no value for Unknown");
    const isPublic = environment === "staging" || environment === "production";
    const bare = () => make({ DomainName: "", AlarmEmail: "a@example.com" });
    if (isPublic) expect(bare).toThrow("Expected DomainName in staging and production");
    else expect(bare).not.toThrow();
    const domain = { DomainName: "a.example.com", CertificateArn, EdgeCertificateArn: CertificateArn };
    const silent = () => make({ ...domain, AlarmEmail: "" });
    if (environment === "production") expect(silent).toThrow("Expected AlarmEmail in production");
    else expect(silent).not.toThrow();
  });
});
