/**
 * Every option of a stylization, defined once: default, range, unit, help. The command line and the docs are made from
 * this table.
 */
import { StylizeError } from "./errors.ts";
import { MOST_HISTORY, USUAL_HISTORY } from "./optimizers/lbfgs-layout.ts";

interface OptionBase {
  readonly help: string;
  readonly unit?: string;
}

export interface NumberOption extends OptionBase {
  readonly type: "integer" | "number";
  /** Undefined: the network's own default, or one that follows from something else. */
  readonly default: number | undefined;
  readonly min: number;
  readonly max: number;
  /** What may stand for a number. */
  readonly words?: readonly string[];
}

export interface ChoiceOption extends OptionBase {
  readonly type: "choice";
  readonly default: string | undefined;
  readonly choices: readonly string[];
}

/** Long side of results for which no size is given, in pixels, where the content has as many. */
export const USUAL_SIZE = 512;

export const optionTable = {
  size: {
    type: "integer",
    default: undefined,
    min: 32,
    max: 16384,
    words: ["content"],
    unit: "pixels",
    help:
      `Long side of the result, 'content' for the content's own; ` +
      `${USUAL_SIZE}, but no more than the content's, when not given.`,
  },
  styleSize: {
    type: "number",
    default: 1,
    min: 0.1,
    max: 4,
    unit: "times",
    help: "Long side of the style relative to the result's; larger gives larger strokes.",
  },
  steps: {
    type: "integer",
    default: 60,
    min: 1,
    max: 100_000,
    unit: "steps",
    help: "Optimisation steps at the last scale.",
  },
  scaleSteps: {
    type: "integer",
    default: undefined,
    min: 1,
    max: 100_000,
    unit: "steps",
    help: "Optimisation steps at each smaller scale; half as many as --steps when not given.",
  },
  minSize: {
    type: "integer",
    default: 128,
    min: 32,
    max: 16384,
    unit: "pixels",
    help: "Long side of the first scale; each further one is sqrt(2) larger. Equal to --size: one scale.",
  },
  optimizer: {
    type: "choice",
    default: "lbfgs",
    choices: ["lbfgs", "adam"],
    help: "What minimises the loss.",
  },
  learningRate: {
    type: "number",
    default: undefined,
    min: 1e-6,
    max: 100,
    help: "Step length: 1 for lbfgs and 0.02 for adam when not given.",
  },
  history: {
    type: "integer",
    default: USUAL_HISTORY,
    min: 1,
    max: MOST_HISTORY,
    unit: "steps",
    help: "Steps that L-BFGS remembers.",
  },
  init: {
    type: "choice",
    default: "content",
    choices: ["content", "noise", "file"],
    help: "Picture to start from.",
  },
  seed: { type: "integer", default: 0, min: 0, max: 4294967295, help: "Seed of the noise." },
  contentWeight: {
    type: "number",
    default: undefined,
    min: 0,
    max: 1e9,
    help: "Weight of the content loss; the network's own when not given.",
  },
  styleWeight: {
    type: "number",
    default: undefined,
    min: 0,
    max: 1e9,
    help: "Weight of the style loss; the network's own when not given.",
  },
  tvWeight: {
    type: "number",
    default: undefined,
    min: 0,
    max: 1e9,
    help: "Weight of the total variation loss, which smooths; the network's own when not given.",
  },
  pooling: {
    type: "choice",
    default: undefined,
    choices: ["avg", "max"],
    help: "How the network halves its maps; the network's own when not given.",
  },
  precision: {
    type: "choice",
    default: "auto",
    choices: ["auto", "f32", "f16"],
    help:
      "How maps, weights and L-BFGS's history are stored: f16 takes half the memory. " +
      "auto: maps and weights in f16 on a GPU that has it, else in f32; the history in f16.",
  },
} as const satisfies Record<string, NumberOption | ChoiceOption>;

type OptionName = keyof typeof optionTable;

type ValueOf<T> = T extends { readonly choices: readonly (infer C)[] }
  ? C
  : number | (T extends { readonly words: readonly (infer W)[] } ? W : never);
type MayBeUndefined<T> = T extends { readonly default: undefined } ? undefined : never;

/** All options with their defaults filled in. Those whose default network or content tell later may be undefined. */
export type Settings = {
  readonly [K in OptionName]: ValueOf<(typeof optionTable)[K]> | MayBeUndefined<(typeof optionTable)[K]>;
};

/** What a caller gives: any of the options. */
export type SettingsInput = { readonly [K in OptionName]?: ValueOf<(typeof optionTable)[K]> | undefined };

/**
 * Checks every given option and fills in the defaults.
 *
 * @throws StylizeError `bad-option`, naming the option, what it takes and what came.
 *
 * @example
 * ```ts
 * import { parseSettings } from "stylize";
 *
 * const { size, optimizer } = parseSettings({ size: 1024 }); // 1024, "lbfgs"
 * ```
 */
export function parseSettings(input: SettingsInput): Settings {
  for (const name of Object.keys(input)) {
    if (!(name in optionTable)) {
      throw new StylizeError(
        "bad-option",
        `Expected one of ${Object.keys(optionTable).join(", ")} but received option '${name}'.`,
      );
    }
  }
  const entries = Object.entries(optionTable).map(([name, option]) => {
    const value = (input as Record<string, unknown>)[name];
    return [name, value === undefined ? option.default : checked(name, option, value)];
  });
  return Object.fromEntries(entries) as Settings;
}

function checked(name: string, option: NumberOption | ChoiceOption, value: unknown): unknown {
  if (option.type === "choice") {
    if (option.choices.includes(value as string)) return value;
    throw new StylizeError(
      "bad-option",
      `Expected ${name} to be ${option.choices.join(" or ")} but received '${value}'.`,
    );
  }
  if (option.words?.includes(value as string)) return value;
  const kind = [
    ...(option.words ?? []).map((word) => `'${word}' or `),
    option.type === "integer" ? "an integer" : "a number",
  ].join("");
  const ok = typeof value === "number" && value >= option.min && value <= option.max;
  if (ok && (option.type === "number" || Number.isInteger(value))) return value;
  throw new StylizeError(
    "bad-option",
    `Expected ${name} to be ${kind} from ${option.min} to ${option.max} but received '${value}'.`,
  );
}
