import { expect, it } from "vitest";
import { unrolled } from "./unroll.ts";

const squeezed = (text: string) => text.replaceAll(/\s+/g, " ").trim();

it("writes a marked loop out, once for each turn", () => {
  const text = "a(); /* unroll */ for (var i = 0u; i < 3u; i++) { b[i] = c(i); } d();";
  expect(squeezed(unrolled(text))).toBe(
    "a(); { const i = 0u; b[i] = c(i); } { const i = 1u; b[i] = c(i); } { const i = 2u; b[i] = c(i); } d();",
  );
});

it("writes loops in loops out, and those behind each other", () => {
  const loop = (name: string, body: string) =>
    `/* unroll */ for (var ${name} = 0u; ${name} < 2u; ${name}++) {${body}}`;
  const text = `${loop("i", `x(); ${loop("j", " y(); ")}`)} ${loop("k", " z(); ")}`;
  expect(squeezed(unrolled(text)).replaceAll(/const \w = \du; ?/g, "")).toBe(
    "{ x(); { y(); } { y(); }} { x(); { y(); } { y(); }} { z(); } { z(); }",
  );
});

it("takes bounds and steps from the text's constants", () => {
  const constants =
    "const SIDE = 4u;\nconst HALF = SIDE * (SIDE + 4u) / 8u - SIDE % 3u;\nconst ALL = 2u * HALF;\n";
  const text = `${constants}/* unroll */ for (var k = 0u; k < ALL; k += HALF - 1u) { a(k); }`;
  expect(squeezed(unrolled(text).slice(constants.length))).toBe(
    "{ const k = 0u; a(k); } { const k = 2u; a(k); } { const k = 4u; a(k); }",
  );
});

it("leaves other loops, and braces inside, alone", () => {
  const text = "for (var i = 0u; i < n; i++) { if (a) { b(); } }";
  expect(unrolled(text)).toBe(text);
  const marked = "/* unroll */ for (var i = 0u; i < 1u; i++) { if (a) { b(); } else { c(); } } d();";
  expect(squeezed(unrolled(marked))).toBe("{ const i = 0u; if (a) { b(); } else { c(); } } d();");
});

it.each([
  ["params.n", "found params"],
  ["2u << 1u", "found <"],
  ["(2u", "a brace"],
])("says what it can't take as a bound: %s", (bound, message) => {
  const body = message === "a brace" ? " a();" : " a(); }";
  const text = `/* unroll */ for (var i = 0u; i < ${bound}; i++) {${body}`;
  expect(() => unrolled(text)).toThrow(message);
});
