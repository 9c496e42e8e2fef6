#!/bin/sh
# One would guess: a TIFF in YCbCr without JPEG compression, which TIFF 6.0 has in section 21, is converted to RGB or
# refused. What happens: libvips gives its Y, Cb and Cr as R, G and B without an error, even when told to fail on
# warnings. White comes out pink. Who meets it: whoever decodes TIFFs of strangers. Way out: look at
# PhotometricInterpretation (262) and Compression (259) first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --silent sharp@0.35.5
cat > "$folder/try.mjs" <<'EOF'
import sharp from "sharp";

const { sharp: version, vips, tiff } = sharp.versions;
console.log("node", process.version, "sharp", version, "libvips", vips, "libtiff", tiff);
const [width, height] = [8, 8];
const white = [255, 128, 128]; // in YCbCr

/** One strip, no subsampling, no compression. */
function ycbcrTiff() {
  const tags = [
    [256, 3, 1, width], [257, 3, 1, height], [258, 3, 3, 0], [259, 3, 1, 1], [262, 3, 1, 6], [273, 4, 1, 0],
    [277, 3, 1, 3], [278, 3, 1, height], [279, 4, 1, 3 * width * height], [530, 3, 2, 0x00010001], [532, 5, 6, 0],
  ];
  const behind = 8 + 2 + 12 * tags.length + 4;
  const bits = Buffer.from(Uint16Array.of(8, 8, 8).buffer);
  const range = Buffer.from(Uint32Array.of(0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1).buffer);
  tags[2][3] = behind;
  tags[10][3] = behind + bits.length;
  tags[5][3] = behind + bits.length + range.length;
  const head = Buffer.alloc(behind);
  head.write("II*\0\x08", "latin1");
  head.writeUInt16LE(tags.length, 8);
  for (const [i, [tag, type, count, value]] of tags.entries()) {
    head.writeUInt16LE(tag, 10 + 12 * i);
    head.writeUInt16LE(type, 12 + 12 * i);
    head.writeUInt32LE(count, 14 + 12 * i);
    head.writeUInt32LE(value, 18 + 12 * i);
  }
  const pixels = Array.from({ length: 3 * width * height }, (_, i) => white[i % 3]);
  return Buffer.concat([head, bits, range, Buffer.from(pixels)]);
}
const data = await sharp(ycbcrTiff(), { failOn: "warning" }).raw().toBuffer();
const colour = [...data.subarray(0, 3)];
console.log("white, 255 255 255 in RGB, is read as:", ...colour);
const isSo = colour.join() === white.join();
console.log(isSo ? "As described." : "The behaviour has changed.");
process.exitCode = isSo ? 0 : 1;
EOF
node "$folder/try.mjs"
