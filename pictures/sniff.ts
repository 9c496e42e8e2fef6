/** What a file seems to be, by its first bytes: only to say in an error what came instead of a picture. */

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

/** "a PNG picture", "an SVG drawing", "a text file", "a file of an unknown kind". */
export function kindOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const head = Buffer.from(bytes.subarray(0, 1024)).toString("latin1");
  const text = head.replace(/^\xef\xbb\xbf/, "");
  if (svg.test(text)) return "an SVG drawing";
  if (html.test(text)) return "an HTML page";
  const known = signatures.find(([, offset, signature]) => head.startsWith(signature, offset));
  if (known) return known[0];
  return text.includes("\0") ? "a file of an unknown kind" : "a text file";
}
