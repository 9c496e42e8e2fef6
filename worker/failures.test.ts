import { expect, test } from "vitest";
import { StylizeError } from "../engine/errors.ts";
import { StoreError } from "../stores/object-store.ts";
import { failureOf, JobFailure } from "./failures.ts";

test.each([
  ["a job that can't be done", new JobFailure("missing-input", ""), "missing-input", false],
  ["too little memory", new StylizeError("out-of-memory", ""), "too-large", false],
  ["a lost GPU", new StylizeError("device-lost", ""), "internal", true],
  ["a store that may answer later", new StoreError("", { retryable: true }), "internal", true],
  ["a store that forbids it", new StoreError("", { retryable: false }), "internal", false],
  ["the unforeseen", new TypeError("x is not a function"), "internal", true],
])("failureOf %s", (_, error, reason, retry) => {
  expect(failureOf(error)).toEqual({ reason, retry });
});
