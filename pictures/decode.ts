/** Picture files -> planar floats: EXIF orientation applied, any ICC profile converted to sRGB, transparency set aside. */
import { readFile } from "node:fs/promises";
import sharp, { type Metadata, type Sharp } from "sharp";
import { StylizeError } from "../engine/errors.ts";
import { MIN_SIDE } from "../engine/pyramid.ts";
import type { Picture } from "../engine/types.ts";
import { toPlanes } from "./samples.ts";
import { kindOf } from "./sniff.ts";

// libvips would read some 20 formats, SVG and PDF among them, which can refer to other files: only these decoders may run.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Tiff", "Heif"].map((format) => `VipsForeignLoad${format}`),
});

/** Encodings of the pictures that are read and written. */
export type Format = "jpeg" | "png" | "webp" | "tiff" | "avif";

const formatNames: Readonly<Record<Format, string>> = {
  jpeg: "JPEG",
  png: "PNG",
  webp: "WebP",
  tiff: "TIFF",
  avif: "AVIF",
};
const allFormats = Object.keys(formatNames) as Format[];

/** "a JPEG, PNG or WebP picture" */
function pictureOf(formats: readonly Format[]): string {
  const names = formats.map((format) => formatNames[format]);
  return `a ${[names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" or ")} picture`;
}

export interface DecodeOptions {
  /** Most pixels a picture may have; a float picture takes 12 bytes for each. */
  readonly maxPixels?: number;
  /** Least length of its short side, in pixels; 32 when not given, the least the network takes. */
  readonly minSide?: number;
  /** What the picture may be encoded as, whatever its name says; all that can be read when not given. */
  readonly formats?: readonly Format[];
  /** How long decoding may take; any time when not given. */
  readonly seconds?: number;
}

export interface DecodedPicture {
  readonly picture: Picture;
  /** [height][width] opacity in [0,1], where the file has any transparency. */
  readonly alpha: Float32Array | undefined;
  readonly format: Format;
  /** Bits per channel of the source; of more than 8, all are kept. */
  readonly bitDepth: 8 | 16;
}

/**
 * Decodes a JPEG, PNG, WebP, TIFF or AVIF file into planar sRGB.
 *
 * @param source a path, or the bytes of a file.
 * @param name what errors call the picture; the path when not given.
 * @throws StylizeError `file-not-found` or `bad-picture`, naming the picture, what was expected and what came.
 */
export async function decodePicture(
  source: string | Uint8Array,
  name = typeof source === "string" ? source : "picture",
  { maxPixels = 2 ** 27, minSide = MIN_SIDE, formats = allFormats, seconds = 0 }: DecodeOptions = {},
): Promise<DecodedPicture> {
  const readable = pictureOf(formats);
  const bytes = typeof source === "string" ? await readFileAt(source, name, readable) : source;
  const header = await readHeader(bytes, name, readable);
  const format = header.format === "heif" ? "avif" : (header.format as Format);
  if (!formats.includes(format))
    throw new StylizeError("bad-picture", `Expected ${readable} but '${name}' is ${kindOf(bytes)}.`);
  const { width, height } = header.autoOrient;
  const bad = (expected: string, received: string) =>
    new StylizeError("bad-picture", `Expected '${name}' to ${expected} but it ${received}.`);
  if ((header.pages ?? 1) > 1)
    throw bad("be a single picture", `has ${header.pages} frames: it is animated or has pages`);
  if (width * height > maxPixels) {
    const limit = `${Math.floor(maxPixels / 1e6)} million pixels`;
    throw bad(`have at most ${limit}`, `has ${width}x${height}`);
  }
  if (Math.min(width, height) < minSide)
    throw bad(`have at least ${minSide} pixels on its short side`, `has ${width}x${height}`);
  if (header.depth !== "uchar" && header.depth !== "ushort")
    throw bad("have 8 or 16 bits a channel", `has samples of type ${header.depth}`);
  const bitDepth = header.depth === "uchar" ? 8 : 16;
  try {
    return { ...(await readPixels(bytes, bitDepth, seconds)), format, bitDepth };
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0]!.trim();
    const message = `Expected ${readable} but '${name}' is damaged or cut short (${reason}).`;
    throw new StylizeError("bad-picture", message, { cause });
  }
}

async function readFileAt(path: string, name: string, readable: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const failures: Record<string, StylizeError> = {
      ENOENT: new StylizeError("file-not-found", `Expected ${readable} but there is no file '${name}'.`),
      ENOTDIR: new StylizeError("file-not-found", `Expected ${readable} but there is no file '${name}'.`),
      EISDIR: new StylizeError("bad-picture", `Expected ${readable} but '${name}' is a folder.`),
      EACCES: new StylizeError("bad-picture", `Expected to read '${name}' but there is no permission to.`),
    };
    throw (
      failures[code ?? ""] ??
      new StylizeError("bad-picture", `Expected to read '${name}' but: ${message}.`, { cause })
    );
  }
}

/** Pixels are counted before any is decoded, so sharp's own limit, whose error does not tell the size, is off. */
function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, { failOn: "warning", limitInputPixels: false });
}

async function readHeader(bytes: Uint8Array, name: string, readable: string): Promise<Metadata> {
  try {
    if (bytes.length === 0) throw new Error("empty");
    return await open(bytes).metadata();
  } catch (cause) {
    const damaged = /corrupt header|premature|truncated/i.test((cause as Error).message);
    const came = damaged ? `${kindOf(bytes)} that is damaged or cut short` : kindOf(bytes);
    throw new StylizeError("bad-picture", `Expected ${readable} but '${name}' is ${came}.`, { cause });
  }
}

async function readPixels(bytes: Uint8Array, bitDepth: 8 | 16, seconds: number) {
  const deep = bitDepth === 16;
  const { data, info } = await open(bytes)
    .timeout({ seconds })
    .autoOrient()
    .toColourspace(deep ? "rgb16" : "srgb")
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const samples = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  return toPlanes(samples, info.width, info.height, info.channels, deep ? 65535 : 255);
}
