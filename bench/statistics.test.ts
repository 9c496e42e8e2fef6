import { expect, test } from "vitest";
import { spreadOf } from "./statistics.ts";

test("least, mean and middle of an odd and an even count", () => {
  expect(spreadOf([32, 4, 9])).toEqual({ min: 4, mean: 15, median: 9 });
  expect(spreadOf([32, 4, 9, 11])).toEqual({ min: 4, mean: 14, median: 10 });
  expect(spreadOf([])).toBeUndefined();
});
