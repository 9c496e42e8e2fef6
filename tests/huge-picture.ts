/** Pictures of more pixels than anybody should decode: encoding one through sharp takes seconds. */
import { crc32, deflateSync } from "node:zlib";

/** A whole PNG file, all black, of one bit a pixel. */
export function hugePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13); // compression, filter and interlace methods: 0
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0], 8); // bits a sample, greyscale
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height); // each behind its filter, 0
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
