/** Flags, and what is made of them, that several commands share. */
import { Option } from "commander";
import { StylizeError } from "../engine/errors.ts";
import { preprocessingNames } from "../weights/preprocessing.ts";
import type { Audience } from "./io.ts";

export const preprocessingOption = (): Option =>
  new Option(
    `--preprocessing <${preprocessingNames.join("|")}>`,
    "How pictures enter the network of a file; found out when not given.",
  ).choices(preprocessingNames);

export const cacheOption = (): Option =>
  new Option("--cache <folder>", "Folder of fetched networks; 'stylize weights path' tells the usual one.");

export const deviceOption = (): Option =>
  new Option(
    "--device <name>",
    "An adapter's name or part of it, in any case, or its number; 'stylize devices' lists them.",
  );

export const jsonOption = (): Option =>
  new Option("--json", "Report on standard output, one JSON object a line.");

export const quietOption = (): Option => new Option("--quiet", "Report nothing but errors.");

export function audienceOf({ json, quiet }: { readonly json?: boolean; readonly quiet?: boolean }): Audience {
  return json ? "json" : quiet ? "quiet" : "people";
}

/** What is no number stays text, so that an error shows it. */
export function toNumber(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}

/** A parser of `--flag`. It throws StylizeError `bad-option`. */
export function integer(flag: string, min: number, max?: number): (text: string) => number {
  return (text) => {
    const value = toNumber(text);
    const fits =
      typeof value === "number" && Number.isInteger(value) && value >= min && value <= (max ?? value);
    if (fits) return value;
    const range = max === undefined ? `from ${min} on` : `from ${min} to ${max}`;
    const message = `Expected --${flag} to be an integer ${range} but received '${text}'.`;
    throw new StylizeError("bad-option", message);
  };
}

/** The error for an argument that a command can't do without. */
export function missing(what: string): StylizeError {
  return new StylizeError("bad-option", `Expected ${what}, but received none.`);
}
