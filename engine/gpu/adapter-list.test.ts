import { expect, test } from "vitest";
import { findPlace, parseAdapterNames, placeByName } from "./adapter-list.ts";

const names = [
  "NVIDIA L40",
  "NVIDIA L4",
  "NVIDIA L4",
  "AMD Radeon RX 7900 XTX (RADV NAVI31)",
  "llvmpipe (LLVM 15)",
];

test("reads Dawn's list of names, whatever they are", () => {
  const line = (name: string) => `\n * backend: 'vulkan', name: '${name}'`;
  const listed = (list: readonly string[]) =>
    `no suitable backends found\nAvailable adapters:${list.map(line).join("")}`;
  expect(parseAdapterNames(listed(names))).toEqual(names);
  expect(parseAdapterNames(listed(["Bob's 'best' GPU", ""]))).toEqual(["Bob's 'best' GPU", ""]);
});

test.each([
  "no suitable backends found",
  "no suitable backends found\nAvailable adapters:",
  "no suitable backends found\nAvailable adapters:\n * metal: Apple M1 Max",
  "unrecognised backend 'x'\nPossible backends : 'null', 'vulkan'",
])("takes nothing from other words: %j", (text) => {
  expect(parseAdapterNames(text)).toBeUndefined();
});

test.each([
  ["radeon", 3],
  ["LLVMPIPE", 4],
  [" amd ", 3],
  ["nvidia l4", 1], // a whole name, though it is part of another
  ["NVIDIA L40", 0],
  ["l40", 0],
  ["7900", 3],
  ["1", 0],
  ["3", 2],
  [" 5 ", 4],
])("%j means the adapter at %i", (wanted, place) => {
  expect(findPlace(names, wanted)).toBe(place);
});

test.each([
  ["abacus", "Expected an adapter whose name contains 'abacus' but found 'NVIDIA L40' (1), 'NVIDIA L4' (2)"],
  ["0 ", "Expected an adapter of number 1 to 5 but received 0; there are 'NVIDIA L40' (1), 'NVIDIA L4' (2)"],
  ["15", "Expected an adapter of number 1 to 5 but received 15; there are"],
  ["nvidia", "that 'nvidia' alone means but it is in 'NVIDIA L40' (1), 'NVIDIA L4' (2), 'NVIDIA L4' (3)."],
  ["", "Expected an adapter's name or number but received ''."],
  ["  ", "Expected an adapter's name or number but received '  '."],
])("%j is refused", (wanted, sentence) => {
  expect(() => findPlace(names, wanted)).toThrow(sentence);
  expect(() => findPlace(names, wanted)).toThrow(expect.objectContaining({ code: "no-adapter" }));
});

test("the first of equal adapters is meant by their name", () => {
  expect(findPlace(["NVIDIA L4", "NVIDIA L4"], "nvidia")).toBe(0);
});

test("knows which adapters stand in front of others with their name", () => {
  expect(names.map((_, place) => placeByName(names, place))).toEqual([0, 0, 0, 3, 4]);
});
