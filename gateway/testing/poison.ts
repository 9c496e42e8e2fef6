/** Messages that no worker would publish. */
import { randomBytes } from "node:crypto";
import { maxMessageBytes } from "../../stores/message-queue.ts";

/** The request of a job that nobody asked for. */
export const unknownRequest = (): string => `someone::${randomBytes(16).toString("hex")}`;

export const poison: readonly string[] = [
  "no JSON",
  "null",
  "[]",
  "{}",
  "7",
  JSON.stringify({ requestId: unknownRequest(), resultKey: "../../private/x" }),
  JSON.stringify({ requestId: unknownRequest(), failure: "made up" }),
  JSON.stringify({ requestId: unknownRequest(), resultKey: 7 }),
  '{"__proto__":{"requestId":"x"},"resultKey":"y"}',
  JSON.stringify({ requestId: unknownRequest(), junk: "x".repeat(maxMessageBytes) }),
];
