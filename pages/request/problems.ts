/** What is wrong with a request, in words, and where in the form it can be mended. */
import { type Choices, OWN } from "./use-choices.ts";
import type { PictureField } from "./use-picture.ts";
import type { StyleList } from "./use-styles.ts";

/** Where the focus goes, in the order in which these are on the page. */
const places = {
  picture: "#picture-file",
  style: 'input[name="style"]',
  ownStyle: "#own-style-file",
  steps: "#steps",
  request: "#paint",
} as const;

export type Problems = { readonly [Field in keyof typeof places]?: string | undefined };

export interface ToCheck {
  readonly choices: Choices;
  readonly content: Pick<PictureField, "picture">;
  readonly own: Pick<PictureField, "picture">;
  readonly list: Pick<StyleList, "styles" | "state">;
  readonly maxSteps: number;
  readonly isLocal: boolean;
}

/** Empty where it can be sent. */
export function wrongChoices({ choices, content, own, list, maxSteps, isLocal }: ToCheck): Problems {
  const { style, steps } = choices;
  const isThere = list.styles.some(({ name }) => name === style);
  // the service knows its styles, even while this page does not
  const mustBeThere = isLocal || list.state === "complete";
  const isNumber = /^\d{1,5}$/.test(steps.trim()) && Number(steps) >= 1 && Number(steps) <= maxSteps;
  return {
    ...(!content.picture && { picture: "Choose a picture to paint." }),
    ...(style === "" && { style: "Choose a style." }),
    ...(style !== "" &&
      style !== OWN &&
      mustBeThere &&
      !isThere && { style: "Choose another style: that one is not there." }),
    ...(style === OWN && !own.picture && { ownStyle: "Choose a picture as the style." }),
    ...(steps.trim() !== "" &&
      !isNumber && { steps: `Enter a whole number from 1 to ${maxSteps}, or nothing.` }),
  };
}

/** Brings the first that is wrong into sight; the button where nothing is. */
export function focusFirst(problems: Problems): void {
  const fields = Object.keys(places) as (keyof typeof places)[];
  const first = fields.find((field) => problems[field] !== undefined) ?? "request";
  const control = document.querySelector<HTMLElement>(places[first]);
  control?.focus({ preventScroll: true });
  control?.closest("fieldset fieldset, details, .bar")?.scrollIntoView({ block: "nearest" });
}
