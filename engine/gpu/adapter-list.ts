/** The adapters of a machine by the names that Dawn has for them: what it lists, and which one is meant. Pure. */
import { StylizeError } from "../errors.ts";

/**
 * The names in the error with which Dawn answers a name that no adapter has: of all adapters, in Dawn's order.
 * Undefined for any other text.
 *
 * They are the only place where Dawn's binding for Node.js shows names as drivers write them; `GPUAdapterInfo.device`
 * has them in lower case with `-` for all else.
 */
export function parseAdapterNames(text: string): readonly string[] | undefined {
  const [, list] = text.split(/\nAvailable adapters:\n/);
  const names = list?.split("\n").map((line) => /^ \* backend: '\w+', name: '(.*)'$/.exec(line)?.[1]);
  return names?.every((name) => name !== undefined) ? names : undefined;
}

/**
 * The place, from 0, of the adapter that `wanted` means: its number, from 1, its name or part of it, in any case. Of
 * adapters with the same name the first. One or two digits are a number, more are part of a name ("4090").
 *
 * @throws StylizeError `no-adapter` where it is none, or may be several of different names.
 */
export function findPlace(names: readonly string[], wanted: string): number {
  const text = wanted.trim().toLowerCase();
  const places = [...names.keys()];
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= names.length) return number - 1;
    throw refused(`of number 1 to ${names.length} but received ${text}; there are`, names, places);
  }
  if (text === "")
    throw new StylizeError("no-adapter", `Expected an adapter's name or number but received '${wanted}'.`);
  const same = places.filter((place) => names[place]!.toLowerCase() === text);
  const meant = same.length > 0 ? same : places.filter((place) => names[place]!.toLowerCase().includes(text));
  const [first] = meant;
  if (first === undefined) throw refused(`whose name contains '${wanted}' but found`, names, places);
  if (meant.some((place) => names[place] !== names[first]))
    throw refused(`that '${wanted}' alone means but it is in`, names, meant);
  return first;
}

function refused(what: string, names: readonly string[], places: readonly number[]): StylizeError {
  const numbered = places.map((place) => `'${names[place]}' (${place + 1})`);
  return new StylizeError("no-adapter", `Expected an adapter ${what} ${numbered.join(", ")}.`);
}

/**
 * The place, from 0, of the adapter that Dawn gives when asked for the whole name of the one at `place`: the first that
 * has this text in its name. Where that is another, the one at `place` can't be had, since Dawn's binding takes nothing
 * but a name.
 */
export function placeByName(names: readonly string[], place: number): number {
  return names.findIndex((name) => name.includes(names[place]!));
}
