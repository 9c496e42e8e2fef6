/** What is wrong with a request, in words, and where in the form it can be mended. */
import { ServiceError } from "../../client/index.ts";
import { duration } from "../words.ts";
import type { PictureField } from "./picture-file.ts";
import { type Choices, OWN } from "./use-choices.ts";
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

/**
 * What the service refuses, at the part of the form where it can be mended. `isOwnStyle`: whether the style was a
 * picture that was sent, too; which of two was refused is not said.
 */
export function refusalOf(error: unknown, isOwnStyle: boolean): Problems {
  if (!(error instanceof ServiceError))
    return { request: "Something failed in this browser. Nothing is lost: try again." };
  const wait = error.retryAfterMs === undefined ? "later" : `in ${duration(error.retryAfterMs)}`;
  switch (error.code) {
    case "bad-picture":
      if (!isOwnStyle) return { picture: "The service can't use this picture. Choose another one." };
      return {
        picture: "The service can't use this picture, or the one of the style.",
        ownStyle: "The service can't use this picture, or the one to paint.",
      };
    case "unknown-style":
      return { style: "That style is not there any more. Choose another one." };
    case "too-many-jobs":
      return {
        request: "You have as many pictures in the making as one may have. Wait for one, or cancel it.",
      };
    case "too-many-requests":
      return { request: `That is more than one may ask for at a time. Try again ${wait}.` };
    case "daily-limit":
      return { request: `That was the last picture for today. You can start the next one ${wait}.` };
    case "unavailable":
      return { request: "The service can't take it right now. Nothing is lost: try again in a moment." };
    default:
      return { request: error.message };
  }
}
