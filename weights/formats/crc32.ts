/**
 * The checksum of zip archives and of PNG: CRC-32 with the polynomial 0xedb88320, reflected. By hand, since the pages
 * write PNG with it and browsers have none to offer.
 */

/** [8][256]: row k holds what a byte does to the sum k bytes later. */
const tables = makeTables();

function makeTables(): Uint32Array {
  const result = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    result[byte] = sum;
  }
  for (let i = 256; i < result.length; i++) {
    const before = result[i - 256]!;
    result[i] = (before >>> 8) ^ result[before & 0xff]!;
  }
  return result;
}

/** Of all bytes, as an unsigned number. Takes eight bytes a step ("slicing-by-8"). */
export function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  let i = 0;
  for (; i + 8 <= bytes.length; i += 8) {
    sum ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    sum =
      tables[1792 + (sum & 0xff)]! ^
      tables[1536 + ((sum >>> 8) & 0xff)]! ^
      tables[1280 + ((sum >>> 16) & 0xff)]! ^
      tables[1024 + (sum >>> 24)]! ^
      tables[768 + bytes[i + 4]!]! ^
      tables[512 + bytes[i + 5]!]! ^
      tables[256 + bytes[i + 6]!]! ^
      tables[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) sum = (sum >>> 8) ^ tables[(sum ^ bytes[i]!) & 0xff]!;
  return (sum ^ 0xffffffff) >>> 0;
}
