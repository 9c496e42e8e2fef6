/** The tools of .aws/tools: where they are, and what cfn-guard finds in templates with all values in place. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deployment } from "./deployment.ts";
import type { EnvironmentName } from "./parameters.ts";
import { Stack } from "./stack.ts";

const packages = fileURLToPath(new URL("../tools/node_modules/", import.meta.url));
const guardPackage = join(packages, "@cdklabs/cdk-validator-cfnguard");
const systems: Partial<Record<string, string>> = { linux: "ubuntu", darwin: "macos" };
const processors: Partial<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };
const program = join(guardPackage, `bin/${systems[process.platform]}/${processors[process.arch]}/cfn-guard`);
/** Rules of AWS Control Tower, a file each, in folders. */
export const controlTowerRules = join(guardPackage, "rules/control-tower/cfn-guard");
export const ownRules = fileURLToPath(new URL("../guard/", import.meta.url));
/** AWS's own validator, a module. */
export const validator = join(packages, "aws-cdk-lib/node_modules/@aws/cloudformation-validate/index.js");

/** Why these can't run here; undefined where they can. */
export const toolsMissing = !existsSync(validator)
  ? "run node setup.mjs --aws-tools, which needs a network"
  : spawnSync(program, ["--version"]).status !== 0
    ? `cfn-guard has no program for ${process.platform}-${process.arch}`
    : undefined;

interface Report {
  readonly name: string;
  readonly not_compliant: readonly { readonly Rule: { readonly name: string } }[];
  readonly compliant: readonly string[];
}

export interface Verdict {
  /** "rule Stack.Resource" */
  readonly findings: readonly string[];
  /** Rules that applied to something. */
  readonly applied: readonly string[];
}

/** All stacks of an environment, and the registry, by a folder of rules. */
export async function guard(environment: EnvironmentName, rules: string): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "stylize-guard-"));
  try {
    const { Root, ...stacks } = deployment(environment).all();
    const all = { ...stacks, Registry: new Stack("registry.yaml", {}, "stylize") };
    for (const [name, stack] of Object.entries(all))
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(stack.plain()));
    const args = ["validate", "-r", rules, "-d", folder, "-S", "none", "-o", "json", "--structured"];
    const reports = JSON.parse(await outputOf(args)) as Report[];
    const findings = reports.flatMap(({ name, not_compliant }) =>
      not_compliant.flatMap(({ Rule }) =>
        resourcesOf(Rule).map((at) => `${Rule.name} ${stackOf(name)}.${at}`),
      ),
    );
    const applied = reports.flatMap(({ compliant, not_compliant }) => [
      ...compliant,
      ...not_compliant.map(({ Rule }) => Rule.name),
    ]);
    return { findings: [...new Set(findings)].sort(), applied: [...new Set(applied)].sort() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const stackOf = (file: string) => basename(file, ".json");

/** Names of the resources that a rule was broken by. */
function resourcesOf(rule: object): string[] {
  const found = [...JSON.stringify(rule).matchAll(/\/Resources\/(\w+)/g)].map(([, name]) => name!);
  return found.length === 0 ? ["?"] : [...new Set(found)];
}

/** It ends with 19 where it has found something. */
function outputOf(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error === null || error.code === 19) resolve(stdout);
      else reject(new Error(`Expected cfn-guard to report but received ${error.code}: ${stderr}`));
    });
  });
}
