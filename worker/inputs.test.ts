import { expect, it } from "vitest";
import { styleKey } from "./inputs.ts";

it("styleKey tells names from keys", () => {
  const own = `private/style/${"0".repeat(32)}.png`;
  expect([styleKey("great-wave.jpg"), styleKey(own)]).toEqual(["style/great-wave.jpg", own]);
});
