import { describe, expect, it } from "vitest";
import { seededNetwork } from "../tests/seeded-network.ts";
import { settingsOf, sizeOf } from "./job-settings.ts";

describe("sizeOf", () => {
  it.each([
    ["the content's own", [400, 300], undefined, 1000, 400],
    ["what was asked for", [400, 300], 200, 1000, 200],
    ["never more than the content's", [300, 400], 800, 1000, 400],
    ["never more than the limit", [4000, 3000], 2000, 1000, 1000],
    ["as much as a thin picture needs", [1000, 100], 200, 1000, 320],
  ])("is %s", (_, [width, height], wanted, max, size) => {
    expect(sizeOf({ width: width!, height: height! }, wanted, max)).toBe(size);
  });

  it("refuses a picture too thin for the limit", () => {
    expect(() => sizeOf({ width: 4000, height: 40 }, 512, 512)).toThrow(
      expect.objectContaining({
        code: "bad-picture",
        message:
          "Expected a picture whose short side is 32 pixels at a long side of 512 but received 4000x40.",
      }),
    );
  });
});

describe("settingsOf", () => {
  const network = seededNetwork();
  const { contentWeight } = network.defaults;

  it("weighs the content by the strength", () => {
    const weightOf = (strength?: "gentle" | "balanced" | "bold") =>
      settingsOf(strength ? { strength } : {}, 64, 5, network).contentWeight;
    const weights = [weightOf("gentle"), weightOf("balanced"), weightOf(), weightOf("bold")];
    expect(weights).toEqual([4, 1, 1, 0.25].map((factor) => factor * contentWeight));
  });

  it("takes the job's steps, or the default", () => {
    expect(settingsOf({ steps: 9 }, 64, 5, network)).toMatchObject({ size: 64, steps: 9 });
    expect(settingsOf({}, 64, 5, network).steps).toBe(5);
  });
});
