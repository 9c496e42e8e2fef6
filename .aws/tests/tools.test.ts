/** What others' tools say of the templates, where they are installed: nothing that is not explained. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { controlTowerRules, guard, ownRules, toolsMissing, validator } from "./guard.ts";
import { environments } from "./parameters.ts";
import {
  expectedFindings,
  guardSuppressions,
  lintSuppressions,
  validateSuppressions,
} from "./suppressions.ts";
import { readTemplate, templateFiles, templatesFolder } from "./templates.ts";

const isHere = (program: string, ...args: string[]) => spawnSync(program, args).status === 0;
const lintMissing = isHere("cfn-lint", "--version")
  ? undefined
  : "there is no cfn-lint: pip install cfn-lint";
const because = (reason: string | undefined) => (reason === undefined ? "" : `: ${reason}`);

describe.skipIf(lintMissing)(`cfn-lint${because(lintMissing)}`, () => {
  const paths = templateFiles.map((file) => fileURLToPath(new URL(file, templatesFolder)));
  /** Even what is turned off: "root.yaml W3002". */
  const findings = () => {
    const off = Object.values(lintSuppressions).flatMap((rules) => Object.keys(rules));
    const always = off.flatMap((rule) => ["--mandatory-checks", rule]);
    const args = ["--include-checks", "I", ...always, "--format", "json", "--", ...paths];
    const { stdout } = spawnSync("cfn-lint", args, { encoding: "utf8", maxBuffer: 2 ** 26 });
    const found = JSON.parse(stdout) as { Filename: string; Rule: { Id: string } }[];
    return [...new Set(found.map(({ Filename, Rule }) => `${Filename.replace(/^.*\//, "")} ${Rule.Id}`))];
  };

  it("finds nothing but what is turned off, and all of that", () => {
    const expected = Object.entries(lintSuppressions).flatMap(([file, rules]) =>
      Object.keys(rules).map((rule) => `${file} ${rule}`),
    );
    expect(findings().sort()).toEqual(expected.sort());
  });
});

/** Of AWS: schemas and rules, in a module. */
interface Validator {
  readonly TemplateFile: new (path: string) => object;
  readonly CompositeEngine: new (
    config: object,
  ) => {
    validateTemplate(template: object): {
      readonly diagnostics: readonly { severity: string; ruleId: string; entity?: { logicalId?: string } }[];
    };
    free(): void;
  };
}

describe.skipIf(toolsMissing)(`cloudformation-validate${because(toolsMissing)}`, () => {
  it("finds nothing but what is explained, and all of that", async () => {
    const { TemplateFile, CompositeEngine } = (await import(validator)) as Validator;
    const engine = new CompositeEngine({});
    const found = templateFiles.flatMap((file) => {
      const template = new TemplateFile(fileURLToPath(new URL(file, templatesFolder)));
      const { diagnostics } = engine.validateTemplate(template);
      const serious = diagnostics.filter(({ severity }) => severity !== "INFO");
      return serious.map(({ ruleId, entity }) => `${ruleId} ${file} ${entity?.logicalId}`);
    });
    engine.free();
    expect([...new Set(found)].sort()).toEqual(Object.keys(validateSuppressions).sort());
  });
});

it("templates turn off what is listed, and nothing else", () => {
  for (const file of templateFiles) {
    const { Metadata } = readTemplate(file) as { Metadata?: unknown };
    const rules = Object.keys(lintSuppressions[file] ?? {});
    const expected = { "cfn-lint": { config: { ignore_checks: rules } } };
    expect(Metadata, file).toEqual(rules.length === 0 ? undefined : expected);
    const text = readFileSync(new URL(file, templatesFolder), "utf8");
    expect(text, file).not.toMatch(/SuppressedRules|checkov:|cfn_nag|guard:/);
  }
});

describe.skipIf(toolsMissing)(`our own rules${because(toolsMissing)}`, () => {
  const names = readdirSync(ownRules).flatMap((file) =>
    [...readFileSync(`${ownRules}/${file}`, "utf8").matchAll(/^rule (\w+)/gm)].map(([, name]) => name!),
  );

  it.each(environments)("are all kept in %s", async (environment) => {
    expect(names.length).toBeGreaterThan(10);
    const { findings, applied } = await guard(environment, ownRules);
    expect(findings).toEqual([]);
    expect(applied).toEqual(names.sort());
  });
});

describe.skipIf(toolsMissing)(`rules of AWS Control Tower${because(toolsMissing)}`, () => {
  it.each(environments)("are kept in %s, but for what is explained", async (environment) => {
    const { findings, applied } = await guard(environment, controlTowerRules);
    expect(findings).toEqual(expectedFindings(environment));
    expect(applied.length).toBeGreaterThan(40);
  });
});

it("what is left as it is has a reason", () => {
  for (const [rule, suppressions] of Object.entries(guardSuppressions))
    for (const { why } of suppressions) expect(why.length, rule).toBeGreaterThan(15);
});
