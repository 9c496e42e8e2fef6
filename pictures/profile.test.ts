import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodePicture } from "./decode.ts";
import { profileColours } from "./open.ts";
import {
  type ColourSpace,
  convertedFrom,
  inSrgb,
  plain,
  profileOf,
  spaces,
  taggedPng,
  tiffFile,
  tiffPage,
} from "./testing/files.ts";

/** The colour of a picture of one, in units of 1/255. */
async function colourOf(bytes: Uint8Array): Promise<number[]> {
  const { width, height, data } = (await decodePicture(bytes)).picture;
  return [0, 1, 2].map((c) => 255 * data[c * width * height]!);
}

function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  const differences = actual.map((value, c) => Math.abs(value - expected[c]!));
  expect(Math.max(...differences), `${actual} instead of ${expected}`).toBeLessThanOrEqual(tolerance);
}

const formats = ["png", "tiff", "avif"] as const;
const colour = [180, 120, 90];
const cases = formats.flatMap((format) =>
  (["adobeRgb", "proPhoto", "p3", "linearGrey"] as const).map((space) => [format, space] as const),
);

describe("a picture of 16 bits with a profile", () => {
  it.each(cases)(
    "means in %s and %s what arithmetic says and its twin of 8 bits means",
    async (format, name) => {
      const space: ColourSpace = spaces[name];
      const own = space.primaries ? colour : [100];
      const make = async (bits: 8 | 16) =>
        convertedFrom(taggedPng(await plain(own, bits).png().toBuffer(), profileOf(space)), format, bits);
      const [deep, twin] = [await make(16), await make(8)];
      expect((await sharp(deep).metadata()).depth).toBe("ushort");
      const actual = await colourOf(deep);
      // sharp writes no profile into a grey AVIF
      const expected = format === "avif" && !space.primaries ? [100, 100, 100] : inSrgb(space, own);
      expectNear(actual, expected, format === "avif" ? 0.3 : 0.1);
      expectNear(actual, await colourOf(twin), 1);
    },
  );

  it.each(["srgb", "p3"] as const)(
    "means with sharp's own %s what its twin of 8 bits means",
    async (name) => {
      const { icc } = await sharp(await plain(colour, 8).withIccProfile(name).png().toBuffer()).metadata();
      for (const own of [colour, [255, 0, 0], [20, 90, 240]]) {
        const make = async (bits: 8 | 16) => taggedPng(await plain(own, bits).png().toBuffer(), icc!);
        const actual = await colourOf(await make(16));
        expectNear(actual, await colourOf(await make(8)), 1);
        if (name === "srgb") expectNear(actual, own, 0.4); // black of 16 bits comes out as 0.3
      }
    },
  );

  it("keeps its opacity and means the same with it", async () => {
    const make = async (colour: readonly number[], bits: 8 | 16, space: ColourSpace) =>
      taggedPng(await plain(colour, bits).png().toBuffer(), profileOf(space));
    for (const [colour, space] of [
      [[180, 120, 90, 70], spaces.adobeRgb],
      [[100, 70], spaces.linearGrey],
    ] as const) {
      const bytes = await make(colour, 16, space);
      expect(255 * (await decodePicture(bytes)).picture.opacity![0]!).toBeCloseTo(70, 3);
      expectNear(await colourOf(bytes), inSrgb(space, colour), 0.1);
    }
  });

  it("keeps more than 8 bits", async () => {
    const profile = profileOf(spaces.adobeRgb);
    const grey = async (value: number) =>
      (await colourOf(taggedPng(await plain([value, value, value], 16).png().toBuffer(), profile)))[1]!;
    const steps = [100, 100.25, 100.5, 100.75, 101];
    const values = await Promise.all(steps.map(grey));
    for (const [i, value] of values.slice(1).entries()) {
      const wanted = inSrgb(spaces.adobeRgb, [steps[i + 1]!, steps[i + 1]!, steps[i + 1]!])[1]!;
      expect(Math.abs(value - wanted)).toBeLessThan(0.1);
      expect(value).toBeGreaterThan(values[i]!);
    }
  });
});

describe("a profile that is of no use", () => {
  const whole = profileOf(spaces.adobeRgb);
  const changed = (at: number, text: string) => {
    const bytes = Buffer.from(whole);
    bytes.write(text, at, "latin1");
    return bytes;
  };
  const useless: [string, Uint8Array][] = [
    ["cut short", whole.subarray(0, 300)],
    ["cut in its header", whole.subarray(0, 60)],
    ["none", Buffer.alloc(200, "x")],
    ["without its signature", changed(36, "none")],
    ["of more tags than it holds", changed(128, "\0\0\x01\0")],
    ["of another picture's colours", profileOf(spaces.linearGrey)],
  ];

  it.each(useless)("%s leaves the numbers of 8 and 16 bits as they are", async (_, profile) => {
    const deep = { ...tiffPage(colour), profile, tags: { ...tiffPage(colour).tags, 258: [16, 16, 16] } };
    const data = Buffer.alloc(2 * 48 * 36 * 3);
    for (let i = 0; i < data.length / 2; i++) data.writeUInt16LE(257 * colour[i % 3]!, 2 * i);
    expectNear(await colourOf(tiffFile({ ...deep, data })), colour, 0.01);
    expectNear(await colourOf(tiffFile({ ...tiffPage(colour), profile })), colour, 0.01);
  });

  it.each(useless.slice(0, -1))("%s tells no colours", (_, profile) => {
    expect(profileColours(profile)).toBeUndefined();
  });
});

it("tells the colours of a profile", () => {
  expect(profileColours(profileOf(spaces.adobeRgb))).toBe("RGB");
  expect(profileColours(profileOf(spaces.linearGrey))).toBe("GRAY");
});

it.each([10, 12] as const)("reads an AVIF of %i bits without a profile to its full white", async (bits) => {
  const png = await plain([255, 128, 0], 16).png().toBuffer();
  const bytes = await convertedFrom(png, "avif", bits);
  expect((await sharp(bytes).metadata()).bitsPerSample).toBe(bits);
  expectNear(await colourOf(bytes), [255, 128, 0], 0.15);
  const { picture } = await decodePicture(bytes);
  expect(picture.data[0]).toBe(1);
});
