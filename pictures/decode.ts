/**
 * Picture files -> planar floats: EXIF orientation applied, any ICC profile converted to sRGB, opacity in a plane of
 * its own.
 */
import { readFile } from "node:fs/promises";
import type { Metadata } from "sharp";
import { StylizeError } from "../engine/errors.ts";
import type { Picture } from "../engine/picture.ts";
import { MIN_SIDE } from "../engine/pyramid.ts";
import { openPicture, uprightSrgb } from "./open.ts";
import { toPlanes } from "./samples.ts";
import { isTiff, mainPages, opacityChannel, type TiffPage, tiffPages, unreadKind } from "./tiff.ts";

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
  /** With opacity where any pixel of the file is not opaque. */
  readonly picture: Picture;
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
 *
 * @example
 * import { decodePicture } from "stylize/pictures";
 * const { picture } = await decodePicture("photo.jpg");
 */
export async function decodePicture(
  source: string | Uint8Array,
  name = typeof source === "string" ? source : "picture",
  { maxPixels = 2 ** 27, minSide = MIN_SIDE, formats = allFormats, seconds = 0 }: DecodeOptions = {},
): Promise<DecodedPicture> {
  const readable = pictureOf(formats);
  const bytes = typeof source === "string" ? await readFileAt(source, name, readable) : source;
  const bad = (expected: string, received: string) =>
    new StylizeError("bad-picture", `Expected ${expected} but '${name}' ${received}.`);
  if (isTiff(bytes) && !formats.includes("tiff")) throw bad(readable, `is ${kindOf(bytes)}`);
  const { page, tiff } = pageOf(bytes, name);
  const header = await readHeader(bytes, page, name, formats);
  const format = header.format === "heif" ? "avif" : (header.format as Format);
  if (!formats.includes(format)) throw bad(readable, `is ${kindOf(bytes)}`);
  const { width, height } = header.autoOrient;
  const refuse = (expected: string, received: string) =>
    new StylizeError("bad-picture", `Expected '${name}' to ${expected} but it ${received}.`);
  if (!tiff && (header.pages ?? 1) > 1) throw refuse("be a single picture", frames(header.pages!));
  if (width * height > maxPixels) {
    const limit = `${Math.floor(maxPixels / 1e6)} million pixels`;
    throw refuse(`have at most ${limit}`, `has ${width}x${height}`);
  }
  if (Math.min(width, height) < minSide)
    throw refuse(`have at least ${minSide} pixels on its short side`, `has ${width}x${height}`);
  if (header.depth !== "uchar" && header.depth !== "ushort")
    throw refuse("have 8 or 16 bits a channel", `has samples of type ${header.depth}`);
  const bitDepth = header.depth === "uchar" ? 8 : 16;
  try {
    return { picture: await readPixels(bytes, header, { page, tiff, bitDepth, seconds }), format, bitDepth };
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0]!.trim();
    const what = /unsupported|not supported|not implemented/i.test(reason)
      ? "is of a kind that can't be decoded"
      : "is damaged or cut short";
    const message = `Expected ${readable} but '${name}' ${what} (${reason}).`;
    throw new StylizeError("bad-picture", message, { cause });
  }
}

const frames = (count: number) => `has ${count} frames: it is animated or has pages`;

/**
 * Which page of a TIFF is the picture, if it is one. Throws StylizeError `bad-picture` where several are, or it is of a
 * kind that isn't read.
 */
function pageOf(bytes: Uint8Array, name: string): { page: number | undefined; tiff: TiffPage | undefined } {
  const pages = tiffPages(bytes);
  const main = mainPages(pages);
  if (main.length > 1) {
    const message = `Expected '${name}' to be a single picture but it ${frames(main.length)}.`;
    throw new StylizeError("bad-picture", message);
  }
  const page = main[0];
  const tiff = page === undefined ? undefined : pages[page];
  const kind = tiff && unreadKind(tiff);
  if (kind === undefined) return { page, tiff };
  const advice = "save it as RGB or grey with 8 or 16 bits a channel, with LZW, Deflate or no compression";
  throw new StylizeError(
    "bad-picture",
    `Expected a kind of TIFF that is read but '${name}' ${kind}: ${advice}.`,
  );
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

async function readHeader(
  bytes: Uint8Array,
  page: number | undefined,
  name: string,
  formats: readonly Format[],
): Promise<Metadata> {
  try {
    if (bytes.length === 0) throw new Error("empty");
    return await openPicture(bytes, { page }).metadata();
  } catch (cause) {
    const kind = kindOf(bytes);
    const damaged = formats.some((format) => kind.endsWith(` ${formatNames[format]} picture`));
    const came = damaged ? `${kind} that is damaged or cut short` : kind;
    throw new StylizeError("bad-picture", `Expected ${pictureOf(formats)} but '${name}' is ${came}.`, {
      cause,
    });
  }
}

interface Reading {
  readonly page: number | undefined;
  readonly tiff: TiffPage | undefined;
  readonly bitDepth: 8 | 16;
  readonly seconds: number;
}

async function readPixels(
  bytes: Uint8Array,
  header: Metadata,
  { page, tiff, bitDepth, seconds }: Reading,
): Promise<Picture> {
  const { data, info } = await uprightSrgb(bytes, header, bitDepth, { page })
    .timeout({ seconds })
    .raw({ depth: bitDepth === 16 ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const samples = bitDepth === 16 ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  const { width, height, channels } = info;
  const colours = channels < 3 ? 1 : 3;
  const extra = tiff ? opacityChannel(tiff) : 0;
  const opacity = extra === undefined || colours + extra >= channels ? undefined : colours + extra;
  return toPlanes(samples, { width, height, channels, opacity, max: whiteOf(header, bitDepth) });
}

/** What stands for 1: an AVIF's 10 or 12 bits come in the upper ones of 16. */
function whiteOf({ format, bitsPerSample = 16 }: Metadata, bitDepth: 8 | 16): number {
  if (bitDepth === 8) return 255;
  return format === "heif" ? (2 ** bitsPerSample - 1) * 2 ** (16 - bitsPerSample) : 65535;
}

/** Kind, and the bytes (as Latin-1) it has at an offset. */
const signatures: readonly (readonly [kind: string, offset: number, bytes: string])[] = [
  ["a JPEG picture", 0, "\xff\xd8\xff"],
  ["a PNG picture", 0, "\x89PNG"],
  ["a TIFF picture", 0, "II*\0"],
  ["a TIFF picture", 0, "MM\0*"],
  ["a TIFF picture", 0, "II+\0"],
  ["a TIFF picture", 0, "MM\0+"],
  ["a WebP picture", 8, "WEBP"],
  ["an AVIF picture", 4, "ftypavi"],
  ["a HEIC picture", 4, "ftyphe"],
  ["a HEIC picture", 4, "ftypmif"],
  ["a video", 4, "ftyp"],
  ["a GIF picture", 0, "GIF8"],
  ["a BMP picture", 0, "BM"],
  ["a JPEG XL picture", 0, "\xff\x0a"],
  ["a JPEG XL picture", 4, "JXL "],
  ["a PDF document", 0, "%PDF"],
  ["a ZIP archive", 0, "PK\x03\x04"],
];

const svg = /^\s*(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg.*?>\s*)?<svg/is;
const html = /^\s*<(!doctype html|html|head|body)/i;

/**
 * What a file seems to be by its first bytes, only to say in an error what came instead of a picture: "a PNG picture",
 * "an
 * SVG drawing", "a text file", "a file of an unknown kind". sharp tells no more than that it can't read it.
 */
function kindOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const head = Buffer.from(bytes.subarray(0, 1024)).toString("latin1");
  const text = head.replace(/^\xef\xbb\xbf/, "");
  if (svg.test(text)) return "an SVG drawing";
  if (html.test(text)) return "an HTML page";
  const known = signatures.find(([, offset, signature]) => head.startsWith(signature, offset));
  if (known) return known[0];
  return text.includes("\0") ? "a file of an unknown kind" : "a text file";
}
