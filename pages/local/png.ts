/**
 * PNG files, 8 bits a channel. A canvas could write them too, but it multiplies colours with opacity, and some browsers
 * add noise to it.
 *
 * Source: PNG specification (third edition), https://www.w3.org/TR/png-3/.
 */
import type { Picture } from "../../engine/picture.ts";
import { type Transparency, toSamples } from "../../pictures/samples.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const RGB = 2;
const RGBA = 6;
const SUB = 1;

export async function encodePng(picture: Picture, transparency?: Transparency): Promise<Blob> {
  const { width, height } = picture;
  const channels = transparency?.opacity ? 4 : 3;
  const samples = toSamples(picture, transparency, false);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, transparency?.opacity ? RGBA : RGB], 8);
  const data = await deflate(filtered(samples, width * channels, channels));
  const chunks = [chunk("IHDR", header), chunk("sRGB", new Uint8Array(1)), chunk("IDAT", data)];
  return new Blob([new Uint8Array(SIGNATURE), ...chunks, chunk("IEND", new Uint8Array(0))], {
    type: "image/png",
  });
}

/** Each row as differences to the pixel on the left, behind the number of that filter. */
function filtered(samples: ArrayLike<number>, row: number, channels: number): Uint8Array<ArrayBuffer> {
  const rows = samples.length / row;
  const result = new Uint8Array(rows * (row + 1));
  for (let y = 0; y < rows; y++) {
    const [from, to] = [y * row, y * (row + 1) + 1];
    result[to - 1] = SUB;
    for (let x = 0; x < row; x++) {
      const left = x < channels ? 0 : samples[from + x - channels]!;
      result[to + x] = samples[from + x]! - left;
    }
  }
  return result;
}

/** In zlib's format, which PNG takes. */
async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Length of the data, type, data, checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(
    [...type].map((letter) => letter.charCodeAt(0)),
    4,
  );
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** What each byte does to a sum: CRC-32 with the polynomial 0xedb88320, reflected, which browsers have none of. */
const steps = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

export function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ steps[(sum ^ byte) & 0xff]!;
  return ~sum >>> 0;
}
