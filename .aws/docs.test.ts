/** docs/aws.md says what the templates say. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { costTables, pricesWith } from "./cost.ts";
import { picture } from "./picture.ts";
import { readTemplate, type Value } from "./tests/templates.ts";

const read = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");
const docs = read("aws.md");

describe("docs/aws.md", () => {
  it("has what to do about each alarm, and of no other", () => {
    const alarms = Object.values(readTemplate("alarms.yaml").Resources).filter(
      ({ Type }) => Type === "AWS::CloudWatch::Alarm" || Type === "AWS::Events::Rule",
    );
    const names = alarms.map(({ Properties }) => {
      const name = (Properties.AlarmName ?? Properties.Name) as { readonly "Fn::Sub": Value };
      return String(name["Fn::Sub"]).replace(/^\$\{Prefix\}-/, "");
    });
    const section = docs.slice(docs.indexOf("## When an alarm speaks"), docs.indexOf("## Looking after it"));
    const told = [...section.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(names.sort());
  });

  it("has the tables that cost.ts prints", () => {
    for (const table of costTables(pricesWith()).split("\n\n")) expect(docs).toContain(table);
  });

  it("has the picture that the templates give (npx tsx .aws/picture.ts)", () => {
    expect(read("aws.svg")).toBe(picture());
  });

  it("has the vCPUs of each environment", () => {
    const sizes = Object.values(readTemplate("root.yaml").Mappings.Sizes!);
    const cells = sizes.map(
      ({ SpotMinVcpus, SpotMaxVcpus, OnDemandMaxVcpus }) =>
        `${SpotMinVcpus}, ${SpotMaxVcpus}, ${OnDemandMaxVcpus}`,
    );
    expect(docs).toContain(`most at full price | ${cells.join(" | ")} |`);
  });
});

describe("cost", () => {
  it("follows its prices", () => {
    const cheaper = costTables(pricesWith({ spotHour: 0 }));
    expect(cheaper).not.toBe(costTables(pricesWith()));
  });
});
