/** What the service refuses, in words, at the part of the form where it can be mended. */
import { ServiceError } from "../../client/index.ts";
import { duration } from "../words.ts";
import type { Problems } from "./problems.ts";

/** `isOwnStyle`: whether the style was a picture that was sent, too; which of two was refused is not said. */
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
