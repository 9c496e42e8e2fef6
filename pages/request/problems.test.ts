import { describe, expect, test } from "vitest";
import { ServiceError } from "../../client/index.ts";
import { type RequestErrorCode, requestErrors } from "../../protocol/protocol.ts";
import type { ChosenPicture } from "./picture-file.ts";
import { refusalOf, type ToCheck, wrongChoices } from "./problems.ts";
import { OWN } from "./use-choices.ts";

const picture: ChosenPicture = {
  name: "cat.jpg",
  blob: new Blob(),
  url: "blob:cat",
  width: 640,
  height: 480,
  isRedrawn: false,
};
const choices = {
  style: "auvers.jpg",
  size: "medium",
  strength: "balanced",
  steps: "",
  isPrivate: true,
  isLocal: false,
} as const;
const right: ToCheck = {
  choices,
  content: { picture },
  own: { picture: undefined },
  list: { styles: [{ name: "auvers.jpg", url: "/auvers.jpg" }], state: "complete" },
  maxSteps: 500,
  isLocal: false,
};
const wrong = (more: Partial<ToCheck>) => Object.keys(wrongChoices({ ...right, ...more }));

describe("what can't be sent is told at its field", () => {
  test.each<[string, Partial<ToCheck>, string[]]>([
    ["nothing wrong", {}, []],
    ["no picture", { content: { picture: undefined } }, ["picture"]],
    ["no style", { choices: { ...choices, style: "" } }, ["style"]],
    ["a style that is gone", { choices: { ...choices, style: "gone.jpg" } }, ["style"]],
    ["no style of one's own", { choices: { ...choices, style: OWN } }, ["ownStyle"]],
    ["a style of one's own", { choices: { ...choices, style: OWN }, own: { picture } }, []],
    ["as many steps as may be", { choices: { ...choices, steps: " 500 " } }, []],
    ["too many steps", { choices: { ...choices, steps: "501" } }, ["steps"]],
    ["no step", { choices: { ...choices, steps: "0" } }, ["steps"]],
    ["words for steps", { choices: { ...choices, steps: "many" } }, ["steps"]],
  ])("%s", (_, more, fields) => {
    expect(wrong(more)).toEqual(fields);
  });

  test("a style that is not listed yet may be there, but can't be used here", () => {
    const list = { styles: [], state: "loading" } as const;
    expect(wrong({ list })).toEqual([]);
    expect(wrong({ list, isLocal: true })).toEqual(["style"]);
  });
});

describe("refusalOf", () => {
  const refusal = (code: RequestErrorCode, retryAfterMs?: number) =>
    new ServiceError({ code, message: requestErrors[code], ...(retryAfterMs && { retryAfterMs }) });

  test("has a sentence for every code, at one place", () => {
    for (const code of Object.keys(requestErrors) as RequestErrorCode[])
      expect(Object.values(refusalOf(refusal(code), false))).toEqual([expect.stringMatching(/\.$/)]);
  });
  test("is at both pictures where either may be meant", () => {
    expect(Object.keys(refusalOf(refusal("bad-picture"), false))).toEqual(["picture"]);
    expect(Object.keys(refusalOf(refusal("bad-picture"), true))).toEqual(["picture", "ownStyle"]);
  });
  test("says how long to wait", () => {
    expect(refusalOf(refusal("too-many-requests", 40_000), false).request).toContain("in about 40 seconds");
    expect(refusalOf(refusal("daily-limit", 7 * 3_600_000), false).request).toContain("in about 7 hours");
  });
  test("of what nobody foresaw is about this browser", () => {
    expect(refusalOf(new Error("x"), false)).toEqual({ request: expect.stringContaining("browser") });
  });
});
