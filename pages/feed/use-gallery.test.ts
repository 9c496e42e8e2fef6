import { describe, expect, test } from "vitest";
import { rotationWith, stepped } from "./use-gallery.ts";

describe("rotationWith", () => {
  test("begins with the newest", () => {
    expect(rotationWith([], undefined, ["c", "b", "a"])).toEqual(["c", "b", "a"]);
  });

  test("shows new ones next, in the order in which they were made", () => {
    expect(rotationWith(["c", "b", "a"], "b", ["e", "d", "c", "b", "a"])).toEqual(["c", "b", "d", "e", "a"]);
  });

  test("leaves out what is no longer among the newest", () => {
    expect(rotationWith(["c", "b", "a"], "a", ["d", "c", "b"])).toEqual(["c", "b", "d"]);
  });

  test("begins with new ones where the present picture has gone", () => {
    expect(rotationWith(["c", "a"], "b", ["d", "c", "a"])).toEqual(["d", "c", "a"]);
  });
});

describe("stepped", () => {
  const rotation = ["c", "b", "a"];

  test.each([
    ["c", 1, "b"],
    ["a", 1, "c"],
    ["c", -1, "a"],
    ["b", 0, "b"],
    ["gone", 1, "c"],
    [undefined, -1, "c"],
  ])("from %s by %d is %s", (current, by, id) => {
    expect(stepped(rotation, current, by)).toBe(id);
  });

  test("of nothing is nothing", () => {
    expect(stepped([], "c", 1)).toBeUndefined();
  });
});
