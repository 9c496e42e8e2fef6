import { describe, expect, it } from "vitest";
import { decodePicture } from "./decode.ts";
import { type TestPage, type TiffTags, tiffFile, tiffPage } from "./testing/files.ts";
import { tiffPages } from "./tiff.ts";

const colour = [200, 80, 20];

async function read(...pages: TestPage[]) {
  const { picture } = await decodePicture(tiffFile(...pages), "scan.tif");
  const { width, height, data, opacity } = picture;
  const rgb = [0, 1, 2].map((c) => Math.round(255 * data[c * width * height]!));
  return { size: [width, height], rgb, opacity: opacity && Math.round(255 * opacity[0]!) };
}

/** [what the sentence says, tags] */
const unread: [string, TiffTags][] = [
  ["is compressed with Zstandard", { 259: [50000] }],
  ["is compressed with LZMA", { 259: [34925] }],
  ["is compressed with JPEG 2000", { 259: [34712] }],
  ["is compressed with the JPEG of before 1995", { 259: [6] }],
  ["is compressed with method 50013", { 259: [50013] }],
  ["has Lab colours", { 262: [8] }],
  ["has Lab colours", { 262: [9] }],
  ["has a sensor's raw values", { 262: [32803] }],
  ["has YCbCr colours without JPEG's compression", { 262: [6] }],
  ["has 12 bits a channel", { 258: [12, 12, 12] }],
  ["has 32 bits a channel", { 258: [32, 32, 32] }],
  ["has 5, 6 bits a channel", { 258: [5, 6, 5] }],
  ["has floating-point numbers", { 258: [32, 32, 32], 339: [3, 3, 3] }],
  ["has numbers with a sign", { 339: [2, 2, 2] }],
];

describe("a TIFF of a kind that is not read", () => {
  it.each(unread)("which %s: the sentence says that and what to save", async (what, tags) => {
    await expect(read(tiffPage(colour, tags))).rejects.toMatchObject({
      name: "StylizeError",
      code: "bad-picture",
      message:
        `Expected a kind of TIFF that is read but 'scan.tif' ${what}: ` +
        "save it as RGB or grey with 8 or 16 bits a channel, with LZW, Deflate or no compression.",
    });
  });

  it("is no such thing where no TIFF may be", async () => {
    const bytes = tiffFile(tiffPage(colour, { 259: [50000] }));
    await expect(decodePicture(bytes, "scan.tif", { formats: ["jpeg", "png"] })).rejects.toMatchObject({
      message: "Expected a JPEG or PNG picture but 'scan.tif' is a TIFF picture.",
    });
  });
});

describe("the pages of a TIFF", () => {
  const picture = tiffPage(colour);
  const thumbnail = (flag: TiffTags) => tiffPage([0, 0, 255], flag, [24, 18]);

  it.each([
    ["a thumbnail behind", [picture, thumbnail({ 254: [1] })]],
    ["a thumbnail in front", [thumbnail({ 254: [1] }), picture]],
    ["a thumbnail told of in the old way", [picture, thumbnail({ 255: [2] })]],
    ["smaller versions", [picture, thumbnail({ 254: [1] }), thumbnail({ 254: [1] })]],
    ["a mask", [picture, tiffPage([255], { 254: [4] })]],
  ])("are one picture with %s", async (_, pages) => {
    expect(await read(...pages)).toEqual({ size: [48, 36], rgb: colour, opacity: undefined });
  });

  it("are several pictures where none belongs to another", async () => {
    const message =
      "Expected 'scan.tif' to be a single picture but it has 2 frames: it is animated or has pages.";
    const pages = [picture, thumbnail({ 254: [1] }), picture];
    await expect(read(...pages)).rejects.toMatchObject({ code: "bad-picture", message });
  });

  it("are read up to where the file is cut", () => {
    const bytes = tiffFile(picture, picture);
    expect(tiffPages(bytes)).toHaveLength(2);
    expect(tiffPages(bytes.subarray(0, bytes.length - picture.data.length - 20))).toHaveLength(1);
    expect(tiffPages(bytes.subarray(0, 20))).toEqual([]);
  });

  it("are read in either order of bytes, and of BigTIFF", () => {
    for (const isLittle of [true, false]) {
      const view = new DataView(new ArrayBuffer(16 + 8 + 2 * 20 + 8));
      view.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
      view.setUint16(2, 43, isLittle);
      view.setUint16(4, 8, isLittle);
      view.setBigUint64(8, 16n, isLittle);
      view.setBigUint64(16, 2n, isLittle);
      for (const [entry, tag, values] of [
        [24, 254, [1]],
        [44, 258, [12, 12, 12]],
      ] as const) {
        view.setUint16(entry, tag, isLittle);
        view.setUint16(entry + 2, 3, isLittle);
        view.setBigUint64(entry + 4, BigInt(values.length), isLittle);
        for (const [i, value] of values.entries()) view.setUint16(entry + 12 + 2 * i, value, isLittle);
      }
      expect(tiffPages(new Uint8Array(view.buffer))).toMatchObject([{ isMinor: true, bits: [12, 12, 12] }]);
      view.setBigUint64(16, 2n ** 60n, isLittle);
      expect(tiffPages(new Uint8Array(view.buffer))).toEqual([]);
    }
  });

  it("end although they go round in a circle", () => {
    const bytes = tiffFile(picture);
    bytes.writeUInt32LE(8, 8 + 2 + 12 * bytes.readUInt16LE(8));
    expect(tiffPages(bytes).length).toBeGreaterThan(1);
  });
});

describe("the channels behind RGB", () => {
  it.each([
    ["opacity", [90], [2], 90],
    ["one that nothing is said of", [90], [0], 90],
    ["opacity and a spot colour", [90, 60], [2, 0], 90],
    ["a spot colour and opacity", [60, 90], [0, 2], 90],
    ["two spot colours", [60, 90], [0, 0], undefined],
  ])("are %s", async (_, values, meanings, opacity) => {
    const page = tiffPage([...colour, ...values], { 338: meanings });
    expect(await read(page)).toEqual({ size: [48, 36], rgb: colour, opacity });
  });

  it("are opacity that colours are multiplied with", async () => {
    const { rgb, opacity } = await read(tiffPage([100, 40, 10, 128], { 338: [1] }));
    expect(opacity).toBe(128);
    for (const [c, value] of rgb.entries()) expect(Math.abs(value - colour[c]!)).toBeLessThan(2);
  });
});
