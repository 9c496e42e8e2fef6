import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { plain, profileOf, spaces, taggedPng } from "../pictures/testing/files.ts";
import { transferStyleSchema } from "../protocol/schemas.ts";
import { cleanPicture, dataUrlBytes } from "./pictures.ts";

const limits = { maxBytes: 1e6, maxPixels: 1e6 };
const hello = Buffer.from("hello").toString("base64");
const isTaken = (url: string) =>
  transferStyleSchema.safeParse({ image: url, style: url, isPrivate: true }).success;

describe("a data URL", () => {
  it.each([
    "data:image/jpeg;base64,",
    "data:image/jpg;base64,",
    "data:image/pjpeg;base64,",
    "data:image/png;base64,",
    "data:image/x-png;base64,",
    "data:image/webp;base64,",
    "DATA:Image/JPEG;BASE64,",
    "data:image/png;charset=utf-8;base64,",
    "data:image/jpg;name=photo.jpg;charset=US-ASCII;base64,",
    'data:image/jpeg;name="a, b.jpg";base64,',
  ])("is taken that begins with %s", (head) => {
    expect(isTaken(head + hello)).toBe(true);
    expect(Buffer.from(dataUrlBytes(head + hello, limits)).toString()).toBe("hello");
  });

  it.each([
    "data:image/svg+xml;base64,",
    "data:text/html;base64,",
    "data:image/jpeg,",
    "data:image/jpeg;charset=utf-8,",
    "data:image/jpeg;base64;charset=utf-8,",
    "data:image/jpeg;x;base64,",
    " data:image/jpeg;base64,",
  ])("is refused that begins with %s", (head) => {
    expect(isTaken(head + hello)).toBe(false);
  });

  it("is looked through at once however many parameters it has", () => {
    const start = performance.now();
    expect(isTaken(`data:image/jpeg${";a=b".repeat(500_000)}`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("cleanPicture", () => {
  it.each([
    ["of 16 bits in sRGB", [255, 0, 0], undefined, [255, 0, 0]],
    ["of 16 bits in AdobeRGB", [180, 120, 90], spaces.adobeRgb, [199, 121, 88]],
    ["of 16 bits in linear grey", [100], spaces.linearGrey, [168, 168, 168]],
  ] as const)("keeps the colours of a picture %s", async (_, colour, space, expected) => {
    const icc = (await sharp(await plain([1, 2, 3], 8).withIccProfile("srgb").png().toBuffer()).metadata())
      .icc!;
    const png = await plain(colour, 16).png().toBuffer();
    const { bytes } = await cleanPicture(taggedPng(png, space ? profileOf(space) : icc), limits);
    const { hasProfile, depth } = await sharp(bytes).metadata();
    expect({ hasProfile, depth }).toEqual({ hasProfile: false, depth: "uchar" });
    const samples = await sharp(bytes).raw().toBuffer();
    for (const [c, value] of expected.entries()) expect(Math.abs(samples[c]! - value)).toBeLessThanOrEqual(1);
  });

  it("takes a JPEG that a decoder only warns of, and none that is cut", async () => {
    const bytes = await plain([200, 80, 20], 8).jpeg().toBuffer();
    const scan = bytes.indexOf(Buffer.from([0xff, 0xda]));
    bytes[scan + bytes.readUInt16BE(scan + 2)] = 0; // the end of its spectrum, which is 63 in a sequential JPEG
    expect((await cleanPicture(bytes, limits)).type).toBe("image/jpeg");
    const cut = cleanPicture(bytes.subarray(0, bytes.length - 30), limits);
    await expect(cut).rejects.toMatchObject({ code: "bad-picture" });
  });

  it("takes no TIFF and no AVIF", async () => {
    for (const format of ["tiff", "avif"] as const) {
      const bytes = await plain([200, 80, 20], 8).toFormat(format).toBuffer();
      await expect(cleanPicture(bytes, limits)).rejects.toMatchObject({ code: "bad-picture" });
      await expect(sharp(bytes).metadata()).rejects.toThrow(/unsupported image format/); // not even by itself
    }
  });
});
