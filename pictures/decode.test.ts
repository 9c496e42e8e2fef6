import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodePicture } from "./decode.ts";
import { tiffFile, tiffPage } from "./testing/files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-decode-"));
});
afterAll(() => rm(folder, { recursive: true }));

const width = 48;
const height = 36;
const colour = [200, 80, 20] as const;

/** One colour, but a blue top left corner of 16 x 12 pixels, to see which way up a picture is. */
function drawing(): Sharp {
  const samples = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) samples.set(x < 16 && y < 12 ? [0, 0, 255] : colour, 3 * (y * width + x));
  }
  return sharp(samples, { raw: { width, height, channels: 3 } });
}

function deep(): Sharp {
  const samples = new Uint16Array(width * height * 3);
  for (let i = 0; i < samples.length; i += 3) samples.set([51234, 20001, 4097], i);
  return sharp(samples, { raw: { width, height, channels: 3 } }).toColourspace("rgb16");
}

/** The three channels at a pixel, in units of 1/255. */
async function pixelOf(bytes: Uint8Array, x = width - 1, y = height - 1): Promise<number[]> {
  const { picture } = await decodePicture(bytes);
  const plane = picture.width * picture.height;
  return [0, 1, 2].map((c) => 255 * picture.data[c * plane + y * picture.width + x]!);
}

function expectColour(actual: number[], expected: readonly number[], tolerance: number): void {
  for (const [c, value] of expected.entries())
    expect(Math.abs(actual[c]! - value)).toBeLessThanOrEqual(tolerance);
}

describe("decodePicture", () => {
  it.each([
    ["png", () => drawing().png(), 0],
    ["jpeg", () => drawing().jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), 2],
    ["webp", () => drawing().webp({ lossless: true }), 0],
    ["tiff", () => drawing().tiff({ compression: "deflate" }), 0],
    ["avif", () => drawing().avif({ lossless: true }), 1],
  ] as const)("reads %s", async (format, make, tolerance) => {
    const bytes = await make().toBuffer();
    const decoded = await decodePicture(bytes);
    expect(decoded).toMatchObject({ format, bitDepth: 8, picture: { width, height } });
    expect(decoded.picture.opacity).toBeUndefined();
    expectColour(await pixelOf(bytes), colour, tolerance + 1e-4);
    expectColour(await pixelOf(bytes, 3, 3), [0, 0, 255], tolerance + 1e-4);
  });

  it("reads a file by its path", async () => {
    const path = join(folder, "kept name.png");
    await drawing().toFile(path);
    expect((await decodePicture(path)).picture).toMatchObject({ width, height });
  });

  it("turns a picture as its EXIF orientation says", async () => {
    const bytes = await drawing().withMetadata({ orientation: 6 }).png().toBuffer();
    const { picture } = await decodePicture(bytes);
    expect([picture.width, picture.height]).toEqual([height, width]);
    expectColour(await pixelOf(bytes, height - 4, 3), [0, 0, 255], 1e-4); // a quarter turn clockwise
    expectColour(await pixelOf(bytes, 3, 3), colour, 1e-4);
  });

  it("converts an ICC profile to sRGB", async () => {
    const bytes = await drawing().withIccProfile("p3").png().toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    const last = stored.subarray(-3);
    expect(Math.abs(last[0]! - colour[0])).toBeGreaterThan(5); // so the file does hold other numbers
    expectColour(await pixelOf(bytes), colour, 2);
  });

  it.each([
    ["with a profile", () => drawing().toColourspace("cmyk").withIccProfile("cmyk").jpeg(), 12],
    ["without one", () => drawing().toColourspace("cmyk").jpeg(), 30],
  ])("converts a CMYK JPEG %s", async (_, make, tolerance) => {
    const bytes = await make().toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe("cmyk");
    expectColour(await pixelOf(bytes), colour, tolerance);
  });

  it.each([
    ["8-bit", () => drawing().toColourspace("b-w"), 8],
    ["16-bit", () => deep().toColourspace("grey16"), 16],
  ] as const)("gives an %s grey picture three equal channels", async (_, make, bitDepth) => {
    const bytes = await make().png().toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    const [r, g, b] = await pixelOf(bytes);
    expect((await decodePicture(bytes)).bitDepth).toBe(bitDepth);
    expect(r).toBeGreaterThan(60);
    expect([g, b]).toEqual([r, r]);
  });

  it.each(["png", "tiff"] as const)("keeps all bits of a 16-bit %s", async (format) => {
    const bytes = await deep()
      [format](format === "tiff" ? { compression: "deflate" } : {})
      .toBuffer();
    const { picture, bitDepth } = await decodePicture(bytes);
    expect(bitDepth).toBe(16);
    expect(picture.data[0]! * 65535).toBeCloseTo(51234, 1);
    expect(picture.data.at(-1)! * 65535).toBeCloseTo(4097, 1);
  });

  it.each(["png", "webp", "tiff", "avif"] as const)(
    "sets the transparency of a %s aside and keeps its colours",
    async (format) => {
      const bytes = await drawing()
        .ensureAlpha(0.5)
        [format](format === "tiff" ? { compression: "deflate" } : { lossless: format !== "png" })
        .toBuffer();
      const { picture } = await decodePicture(bytes);
      expect(picture.opacity).toHaveLength(width * height);
      expect(picture.opacity![0]).toBeCloseTo(127 / 255, 5);
      expect(picture.data).toHaveLength(3 * width * height);
      expectColour(await pixelOf(bytes), colour, 1 + 1e-4);
    },
  );

  it("takes opacity that hides nothing for none", async () => {
    const bytes = await drawing().ensureAlpha(1).png().toBuffer();
    expect((await decodePicture(bytes)).picture.opacity).toBeUndefined();
  });

  it("reads a JPEG that a decoder only warns of, as some cameras write them", async () => {
    const bytes = await drawing().jpeg({ quality: 100 }).toBuffer();
    const scan = bytes.indexOf(Buffer.from([0xff, 0xda]));
    bytes[scan + 2 + bytes.readUInt16BE(scan + 2) - 2] = 0; // the end of its spectrum, which is 63 in a sequential JPEG
    const warned = sharp(bytes, { failOn: "warning" }).raw().toBuffer();
    await expect(warned).rejects.toThrow(/Invalid SOS parameters/);
    expectColour(await pixelOf(bytes), colour, 3);
  });

  it("reads a palette", async () => {
    expectColour(await pixelOf(await drawing().png({ palette: true }).toBuffer()), colour, 1);
  });
});

/** [what, the file's bytes, error code, the whole sentence] */
const bad: [string, () => Uint8Array | Promise<Uint8Array>, string, RegExp][] = [
  ["empty", () => Buffer.alloc(0), "bad-picture", /^Expected a JPEG, .* picture but 'F' is an empty file\.$/],
  ["text", () => Buffer.from("hello\n"), "bad-picture", /but 'F' is a text file\.$/],
  ["HTML", () => Buffer.from("<!doctype html><p>404"), "bad-picture", /but 'F' is an HTML page\.$/],
  [
    "binary",
    () => Buffer.from([1, 0, 2, 3, 9, 9, 9, 9]),
    "bad-picture",
    /'F' is a file of an unknown kind\.$/,
  ],
  [
    "SVG",
    () =>
      Buffer.from(`<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>`),
    "bad-picture",
    /but 'F' is an SVG drawing\.$/,
  ],
  ["GIF", () => drawing().gif().toBuffer(), "bad-picture", /but 'F' is a GIF picture\.$/],
  [
    "animated WebP",
    async () => {
      const frames = [await drawing().png().toBuffer(), await drawing().negate().png().toBuffer()];
      return sharp(frames, { join: { animated: true } })
        .webp()
        .toBuffer();
    },
    "bad-picture",
    /^Expected 'F' to be a single picture but it has 2 frames: it is animated or has pages\.$/,
  ],
  [
    "JPEG cut in its header",
    async () => (await drawing().jpeg().toBuffer()).subarray(0, 40),
    "bad-picture",
    /but 'F' is a JPEG picture that is damaged or cut short\.$/,
  ],
  [
    "JPEG cut in its pixels",
    async () => {
      const noise = sharp({
        create: {
          width: 256,
          height: 256,
          channels: 3,
          background: "black",
          noise: { type: "gaussian", mean: 128, sigma: 60 },
        },
      });
      const bytes = await noise.jpeg().toBuffer();
      return bytes.subarray(0, bytes.length / 2);
    },
    "bad-picture",
    /but 'F' is .*damaged or cut short.*\.$/,
  ],
  [
    "progressive JPEG cut in its pixels",
    async () => {
      const bytes = await drawing().jpeg({ progressive: true }).toBuffer();
      return bytes.subarray(0, bytes.length - 40);
    },
    "bad-picture",
    /but 'F' is .*damaged or cut short.*\.$/,
  ],
  [
    "WebP cut in its pixels",
    async () => (await drawing().webp({ lossless: true }).toBuffer()).subarray(0, -20),
    "bad-picture",
    /but 'F' is .*damaged or cut short.*\.$/,
  ],
  [
    "AVIF cut in its pixels",
    async () => (await drawing().avif().toBuffer()).subarray(0, -20),
    "bad-picture",
    /but 'F' is .*damaged or cut short.*\.$/,
  ],
  [
    "TIFF cut in front of its tags",
    async () => (await drawing().tiff().toBuffer()).subarray(0, 200),
    "bad-picture",
    /but 'F' is a TIFF picture that is damaged or cut short\.$/,
  ],
  [
    "TIFF whose bits no picture has",
    () => tiffFile(tiffPage(colour, { 258: [8, 8, 8827] })),
    "bad-picture",
    /but 'F' is .*damaged or cut short.*\.$/,
  ],
  [
    "TIFF cut in its pixels",
    () => tiffFile(tiffPage(colour)).subarray(0, -2000),
    "bad-picture",
    /but 'F' is .*damaged or cut short.*\.$/,
  ],
  [
    "JPEG of 12 bits",
    async () => {
      const bytes = await drawing().jpeg().toBuffer();
      bytes[bytes.indexOf(Buffer.from([0xff, 0xc0])) + 4] = 12; // the precision in its frame header
      return bytes;
    },
    "bad-picture",
    /but 'F' is of a kind that can't be decoded \(.*precision 12\)\.$/,
  ],
  [
    "PNG cut in its pixels",
    async () => {
      const bytes = await drawing().png({ compressionLevel: 0 }).toBuffer();
      return bytes.subarray(0, bytes.length / 2);
    },
    "bad-picture",
    /but 'F' is damaged or cut short \(.+\)\.$/,
  ],
  [
    "1x1",
    () => drawing().resize(1, 1, { fit: "fill" }).png().toBuffer(),
    "bad-picture",
    /^Expected 'F' to have at least 32 pixels on its short side but it has 1x1\.$/,
  ],
];

describe("decodePicture refuses", () => {
  it.each(bad)("a file that is %s", async (what, make, code, sentence) => {
    const path = join(folder, `${what}.png`);
    await writeFile(path, await make());
    const pattern = new RegExp(sentence.source.replace("F", path.replace(/[.\\]/g, "\\$&")));
    await expect(decodePicture(path)).rejects.toMatchObject({
      name: "StylizeError",
      code,
      message: expect.stringMatching(pattern),
    });
  });

  it("a missing file", async () => {
    const path = join(folder, "missing.jpg");
    const message = `Expected a JPEG, PNG, WebP, TIFF or AVIF picture but there is no file '${path}'.`;
    await expect(decodePicture(path)).rejects.toMatchObject({ code: "file-not-found", message });
  });

  it("a folder", async () => {
    const message = `Expected a JPEG, PNG, WebP, TIFF or AVIF picture but '${folder}' is a folder.`;
    await expect(decodePicture(folder)).rejects.toMatchObject({ code: "bad-picture", message });
  });

  it.each(["tiff", "avif"] as const)(
    "a %s where it may not be one, whatever it is called",
    async (format) => {
      const bytes = await drawing().toFormat(format).toBuffer();
      const formats = ["jpeg", "png", "webp"] as const;
      await expect(decodePicture(bytes, "photo.jpg", { formats })).rejects.toMatchObject({
        code: "bad-picture",
        message:
          `Expected a JPEG, PNG or WebP picture but 'photo.jpg' is ` +
          `${format === "avif" ? "an AVIF" : "a TIFF"} picture.`,
      });
    },
  );

  it("more pixels than it may take, before it decodes them", async () => {
    const bytes = await drawing().resize(3000, 2000).png().toBuffer();
    await expect(decodePicture(bytes, "poster.png", { maxPixels: 5e6 })).rejects.toMatchObject({
      code: "bad-picture",
      message: "Expected 'poster.png' to have at most 5 million pixels but it has 3000x2000.",
    });
  });
});
