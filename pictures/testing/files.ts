/** Small picture files for tests, of kinds that sharp doesn't write. */
import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";

/** The colours of an RGB space with a power for its curve, or of a grey one. */
export interface ColourSpace {
  readonly gamma: number;
  /** XYZ of red, green and blue, relative to D50; grey without. */
  readonly primaries?: readonly (readonly [number, number, number])[];
}

/** Primaries adapted to D50, from the profiles of those who defined the spaces. */
export const spaces = {
  adobeRgb: {
    gamma: 563 / 256,
    primaries: [
      [0.60974, 0.31111, 0.01947],
      [0.20528, 0.62567, 0.06087],
      [0.14919, 0.06322, 0.74457],
    ],
  },
  proPhoto: {
    gamma: 1.8,
    primaries: [
      [0.79767, 0.28804, 0],
      [0.13519, 0.71188, 0.00002],
      [0.03134, 0.00009, 0.82491],
    ],
  },
  /** Display P3's primaries with a plain power for its curve. */
  p3: {
    gamma: 2.2,
    primaries: [
      [0.51512, 0.2412, -0.00105],
      [0.29198, 0.69225, 0.04189],
      [0.1571, 0.06657, 0.78407],
    ],
  },
  linearGrey: { gamma: 1 },
} as const satisfies Record<string, ColourSpace>;

const s15Fixed16 = (values: readonly number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(Math.round(value * 65536), 4 * i);
  return bytes;
};
const xyz = (values: readonly number[]) =>
  Buffer.concat([Buffer.from("XYZ \0\0\0\0", "latin1"), s15Fixed16(values)]);
const d50 = [0.9642, 1, 0.8249];

/** An ICC profile of version 2. Source: ICC.1:2001-04. */
export function profileOf({ gamma, primaries }: ColourSpace): Buffer {
  const curve = Buffer.from("curv\0\0\0\0\0\0\0\x01\0\0\0\0", "latin1");
  curve.writeUInt16BE(Math.round(gamma * 256), 12);
  const description = Buffer.alloc(96);
  description.write("desc\0\0\0\0\0\0\0\x05test", "latin1");
  const tags: (readonly [string, Buffer])[] = [
    ["desc", description],
    ["cprt", Buffer.from("text\0\0\0\0CC0\0", "latin1")],
    ["wtpt", xyz(d50)],
  ];
  for (const [i, letter] of [..."rgb"].entries()) {
    if (primaries) tags.push([`${letter}XYZ`, xyz(primaries[i]!)], [`${letter}TRC`, curve]);
  }
  if (!primaries) tags.push(["kTRC", curve]);
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  let at = 128 + table.length;
  for (const [i, [name, data]] of tags.entries()) {
    table.write(name, 4 + 12 * i, "latin1");
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(data.length, 12 + 12 * i);
    at += data.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at);
  header.writeUInt32BE(0x02400000, 8);
  header.write(`mntr${primaries ? "RGB " : "GRAY"}XYZ `, 12, "latin1");
  header.write("acsp", 36, "latin1");
  s15Fixed16(d50).copy(header, 68);
  return Buffer.concat([header, table, ...tags.map(([, data]) => data)]);
}

/** XYZ relative to D50 -> linear sRGB. Source: http://www.brucelindbloom.com, "RGB/XYZ Matrices". */
const toSrgb = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
] as const;

/**
 * What a colour of a space, with or without opacity, is in sRGB: channels in units of 1/255, cut off where sRGB ends.
 */
export function inSrgb({ gamma, primaries }: ColourSpace, colour: readonly number[]): number[] {
  const linear = colour.slice(0, 3).map((value) => (value / 255) ** gamma);
  const encoded = (value: number) =>
    255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
  const sum = (factors: readonly number[], values: readonly number[]) =>
    factors.reduce((total, factor, i) => total + factor * values[i]!, 0);
  if (!primaries) return [0, 1, 2].map(() => encoded(linear[0]!));
  const xyzOf = [0, 1, 2].map((axis) =>
    sum(
      linear,
      primaries.map((primary) => primary[axis]!),
    ),
  );
  return toSrgb.map((row) => encoded(Math.min(Math.max(sum(row, xyzOf), 0), 1)));
}

/** A picture of 48 x 36 pixels of one colour, channels in units of 1/255: as many as it has, grey below three. */
export function plain(colour: readonly number[], bits: 8 | 16): Sharp {
  const [width, height, channels] = [48, 36, colour.length as 1 | 2 | 3 | 4];
  const length = width * height * channels;
  const value = (i: number) => Math.round(colour[i % channels]! * (bits === 16 ? 257 : 1));
  const samples =
    bits === 16
      ? Uint16Array.from({ length }, (_, i) => value(i))
      : Uint8Array.from({ length }, (_, i) => value(i));
  return sharp(samples, { raw: { width, height, channels } }).toColourspace(spaceOf(channels, bits));
}

const spaceOf = (channels: number, bits: 8 | 16) =>
  channels < 3 ? (bits === 16 ? "grey16" : "b-w") : bits === 16 ? "rgb16" : "srgb";

/** A PNG with a profile, its numbers as they were. */
export function taggedPng(png: Buffer, profile: Uint8Array): Buffer {
  const data = Buffer.concat([Buffer.from("iCCPtest\0\0", "latin1"), deflateSync(profile)]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length - 4);
  frame.writeUInt32BE(crc32(data), 4);
  const header = 33; // the signature and IHDR
  return Buffer.concat([
    png.subarray(0, header),
    frame.subarray(0, 4),
    data,
    frame.subarray(4),
    png.subarray(header),
  ]);
}

/** The same numbers and profile in another format. */
export async function convertedFrom(
  png: Buffer,
  format: "png" | "tiff" | "avif",
  bits: 8 | 10 | 12 | 16,
): Promise<Buffer> {
  if (format === "png") return png;
  const { channels } = await sharp(png).metadata();
  const same = sharp(png)
    .keepIccProfile()
    .toColourspace(spaceOf(channels, bits === 8 ? 8 : 16));
  if (format === "tiff") return same.tiff({ compression: "deflate" }).toBuffer();
  return same.avif({ lossless: true, bitdepth: bits === 16 ? 12 : bits }).toBuffer();
}

/** Tags of a page by their numbers, beside those for its size; all values are unsigned, of 16 bits. */
export type TiffTags = Readonly<Record<number, readonly number[]>>;

export interface TestPage {
  readonly width: number;
  readonly height: number;
  readonly tags: TiffTags;
  /** What the page holds, uncompressed. */
  readonly data: Uint8Array;
  readonly profile?: Uint8Array;
}

/** A page of one colour, channels in units of 1/255, RGB and whatever comes behind it. */
export function tiffPage(colour: readonly number[], tags: TiffTags = {}, size = [48, 36]): TestPage {
  const [width, height] = size as [number, number];
  const data = Uint8Array.from(
    { length: width * height * colour.length },
    (_, i) => colour[i % colour.length]!,
  );
  const usual = { 258: colour.map(() => 8), 259: [1], 262: [2], 277: [colour.length] };
  return { width, height, tags: { ...usual, ...tags }, data };
}

/** A TIFF as its tags say, whether or not the data fit them. */
export function tiffFile(...pages: readonly TestPage[]): Buffer {
  const parts: Buffer[] = [Buffer.from("II*\0\x08\0\0\0", "latin1")];
  let at = 8;
  for (const [i, page] of pages.entries()) {
    const part = directory(page, at, i === pages.length - 1);
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;

/** A directory that begins at `at`, and behind it all that it points to. */
function directory({ width, height, tags, data, profile }: TestPage, at: number, isLast: boolean): Buffer {
  const shorts = Object.entries(tags).map(([tag, values]) => ({
    tag: Number(tag),
    type: SHORT,
    count: values.length,
    bytes: Buffer.from(Uint16Array.from(values).buffer),
  }));
  const long = (tag: number, value: number) => ({
    tag,
    type: LONG,
    count: 1,
    bytes: Buffer.from(Uint32Array.of(value).buffer),
  });
  const entries = [
    ...shorts,
    long(256, width),
    long(257, height),
    long(278, height),
    long(279, data.length),
    ...(profile ? [{ tag: 34675, type: UNDEFINED, count: profile.length, bytes: Buffer.from(profile) }] : []),
  ];
  const size = 2 + 12 * (entries.length + 1) + 4;
  const even = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)]);
  const behind = entries.filter(({ bytes }) => bytes.length > 4).map(({ bytes }) => even(bytes));
  const dataAt = at + size + behind.reduce((sum, { length }) => sum + length, 0);
  const all = [...entries, long(273, dataAt)].sort((a, b) => a.tag - b.tag);
  const head = Buffer.alloc(size);
  head.writeUInt16LE(all.length);
  const pointed: Buffer[] = [];
  let pointer = at + size;
  for (const [i, { tag, type, count, bytes }] of all.entries()) {
    const entry = 2 + 12 * i;
    head.writeUInt16LE(tag, entry);
    head.writeUInt16LE(type, entry + 2);
    head.writeUInt32LE(count, entry + 4);
    if (bytes.length <= 4) bytes.copy(head, entry + 8);
    else {
      head.writeUInt32LE(pointer, entry + 8);
      pointed.push(even(bytes));
      pointer += even(bytes).length;
    }
  }
  const pixels = even(Buffer.from(data));
  head.writeUInt32LE(isLast ? 0 : dataAt + pixels.length, size - 4);
  return Buffer.concat([head, ...pointed, pixels]);
}
