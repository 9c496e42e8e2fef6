import { describe, expect, it } from "vitest";
import { decodeFloats } from "./dtypes.ts";

describe("decodeFloats", () => {
  it("widens every half", () => {
    const halves = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
    const actual = decodeFloats("F16", halves.buffer);
    // The same number as a binary32: its exponent rebased from 15 to 127, its fraction 13 bits longer, all times 2^112
    // for subnormals' sake.
    const word = new DataView(new ArrayBuffer(4));
    for (const bits of halves) {
      const magnitude = bits & 0x7fff;
      word.setUint32(0, magnitude >= 0x7c00 ? 0x7f800000 | ((magnitude & 0x3ff) << 13) : magnitude << 13);
      const expected = word.getFloat32(0) * (magnitude >= 0x7c00 ? 1 : 2 ** 112) * (bits & 0x8000 ? -1 : 1);
      if (!Object.is(actual[bits], expected))
        expect.fail(`${bits.toString(16)}: ${actual[bits]}, not ${expected}`);
    }
  });

  it("widens bfloat16", () => {
    const actual = decodeFloats(
      "BF16",
      Uint16Array.of(0x3f80, 0xc000, 0x8000, 0x7f80, 0x7fc0, 0x0001).buffer,
    );
    expect([...actual]).toEqual([1, -2, -0, Number.POSITIVE_INFINITY, Number.NaN, 2 ** -133]);
  });

  it("narrows doubles to the nearest float", () => {
    expect([...decodeFloats("F64", Float64Array.of(1 / 3, -0, 1e300).buffer)]).toEqual([
      Math.fround(1 / 3),
      -0,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
