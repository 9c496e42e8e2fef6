/** docs/cli.md says what the command does. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../engine/errors.ts";
import { TestIo } from "../tests/io.ts";
import { createProgram } from "./arguments.ts";

const docs = readFileSync(new URL("../docs/cli.md", import.meta.url), "utf8");

const idle = async () => {};
const weights = { list: idle, pull: idle, verify: idle, path: idle, convert: idle, inspect: idle };
const program = createProgram(
  { stylize: idle, devices: idle, tune: idle, request: idle, listStyles: idle, weights },
  new TestIo(),
);

function optionRows({ options }: Pick<typeof program, "options">): string[] {
  return options.map(({ flags, description, defaultValue }) => {
    const value = defaultValue === undefined ? "" : `\`${defaultValue}\``;
    return `| \`${flags.replaceAll("|", "\\|")}\` | ${value} | ${description} |`;
  });
}

describe("docs/cli.md", () => {
  it("has one row for each option, as the command describes it", () => {
    const section = docs.slice(docs.indexOf("## Options"), docs.indexOf("## Adapters"));
    expect(section.split("\n").filter((line) => line.startsWith("| `"))).toEqual(optionRows(program));
  });

  it("shows each of the commands on networks with all its flags", () => {
    const commands = program.commands.find((command) => command.name() === "weights")!.commands;
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const line = docs.split("\n").find((text) => text.startsWith(`stylize weights ${command.name()} `));
      for (const { long } of command.options) expect(line, command.name()).toContain(long);
    }
  });

  it("has one row for each flag of tuning", () => {
    const section = docs.slice(docs.indexOf("## Tuning"), docs.indexOf("## A service"));
    const tune = program.commands.find((command) => command.name() === "tune")!;
    expect(section.split("\n").filter((line) => line.startsWith("| `"))).toEqual(optionRows(tune));
  });

  it("has one row for each flag of a request", () => {
    const section = docs.slice(docs.indexOf("## A service"), docs.indexOf("## What it reports"));
    const request = program.commands.find((command) => command.name() === "request")!;
    expect(section.split("\n").filter((line) => line.startsWith("| `"))).toEqual(optionRows(request));
  });

  it.each(Object.entries(errorCodes))("tells the exit status of %s", (code, status) => {
    expect(docs).toMatch(new RegExp(`^\\| ${status} \\| \`${code}\` \\| .+ \\|$`, "m"));
  });
});
