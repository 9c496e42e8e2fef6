import { expect, it } from "vitest";
import { TestIo } from "../tests/io.ts";
import { onInterrupt } from "./io.ts";

it.each<[string[], number[]]>([
  [["SIGINT"], []],
  [["SIGTERM"], []],
  [["SIGHUP"], []],
  [["SIGINT", "SIGTERM"], [130]],
  [["SIGHUP", "SIGHUP", "SIGHUP"], []], // a closed terminal
  [["SIGINT", "SIGHUP"], []],
  [["SIGHUP", "SIGINT"], [130]],
])("%j stops once, and exits with %j", (signals, exits) => {
  const io = new TestIo();
  let stops = 0;
  const release = onInterrupt(io, () => stops++);
  for (const signal of signals) io.emit(signal);
  expect([stops, io.exits]).toEqual([1, exits]);
  release();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) expect(io.listenerCount(signal)).toBe(0);
});
