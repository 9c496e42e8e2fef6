/** docs/cli.md says what the command does. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../engine/errors.ts";
import { TestIo } from "../tests/io.ts";
import { createProgram } from "./arguments.ts";

const docs = readFileSync(new URL("../docs/cli.md", import.meta.url), "utf8");

function optionRows(): string[] {
  const idle = { stylize: async () => {}, devices: async () => {} };
  return createProgram(idle, new TestIo()).options.map(({ flags, description, defaultValue }) => {
    const value = defaultValue === undefined ? "" : `\`${defaultValue}\``;
    return `| \`${flags.replaceAll("|", "\\|")}\` | ${value} | ${description} |`;
  });
}

describe("docs/cli.md", () => {
  it("has one row for each option, as the command describes it", () => {
    const section = docs.slice(docs.indexOf("## Options"), docs.indexOf("## What it reports"));
    expect(section.split("\n").filter((line) => line.startsWith("| `"))).toEqual(optionRows());
  });

  it.each(Object.entries(errorCodes))("tells the exit status of %s", (code, status) => {
    expect(docs).toMatch(new RegExp(`^\\| ${status} \\| \`${code}\` \\| .+ \\|$`, "m"));
  });
});
