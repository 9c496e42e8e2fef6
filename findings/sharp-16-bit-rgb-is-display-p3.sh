#!/bin/sh
# One would guess: a PNG of 16 bits that is tagged as sRGB keeps its numbers when sharp gives 16-bit numbers of it, as
# it does at 8 bits. What happens: sharp converts 16-bit RGB to Display P3 and says nothing of it, so pure red, 255 0 0,
# comes out as 234 51 34. Tagging an untagged 16-bit picture as sRGB changes its numbers for the same reason: sharp
# takes them for Display P3. Who meets it: whoever reads or writes 16 bits a channel and treats the numbers as sRGB. Way
# out: open with ignoreIcc, and ask for withIccProfile("srgb") at the end, which uses the file's own profile.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --silent sharp@0.35.5
cat > "$folder/try.mjs" <<'EOF'
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";

const { sharp: version, vips, lcms } = sharp.versions;
console.log("node", process.version, "sharp", version, "libvips", vips, "Little CMS", lcms);
const raw = { width: 8, height: 8, channels: 3 };
const red = (bits) =>
  sharp((bits === 16 ? Uint16Array : Uint8Array).from({ length: 192 }, (_, i) => (i % 3 ? 0 : 2 ** bits - 1)), { raw });
const { icc } = await sharp(await red(8).withIccProfile("srgb").png().toBuffer()).metadata();

/** The profile put into a PNG's bytes, so that nobody converts anything. */
function tagged(png) {
  const data = Buffer.concat([Buffer.from("iCCPsRGB\0\0", "latin1"), deflateSync(icc)]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length - 4);
  sum.writeUInt32BE(crc32(data));
  return Buffer.concat([png.subarray(0, 33), length, data, sum, png.subarray(33)]);
}
async function numbers(pipeline) {
  const { buffer, byteOffset } = await pipeline.raw({ depth: "ushort" }).toBuffer();
  return [...new Uint16Array(buffer, byteOffset, 3)].map((value) => Math.round(value / 257));
}
const deep = () => red(16).toColourspace("rgb16");
const eight = [...(await sharp(tagged(await red(8).png().toBuffer())).raw().toBuffer())].slice(0, 3);
const png = tagged(await deep().png().toBuffer());
const sixteen = await numbers(sharp(png).toColourspace("rgb16"));
const wayOut = await numbers(sharp(png, { ignoreIcc: true }).toColourspace("rgb16").withIccProfile("srgb"));
const mixed = Uint16Array.from({ length: 192 }, (_, i) => 257 * [200, 80, 20][i % 3]);
const tagging = await sharp(mixed, { raw }).toColourspace("rgb16").withIccProfile("srgb").png().toBuffer();
const written = await numbers(sharp(tagging, { ignoreIcc: true }).toColourspace("rgb16"));
console.log("sRGB red of  8 bits, read as sRGB: ", ...eight);
console.log("sRGB red of 16 bits, read as rgb16:", ...sixteen);
console.log("the same through the way out:      ", ...wayOut);
console.log("200 80 20 of 16 bits, tagged sRGB: ", ...written);
const isSo = eight.join() === "255,0,0" && sixteen[1] > 20 && wayOut[1] < 2 && Math.abs(written[0] - 200) > 5;
console.log(isSo ? "As described." : "The behaviour has changed.");
process.exitCode = isSo ? 0 : 1;
EOF
node "$folder/try.mjs"
