#!/bin/sh
# One would guess: the profile of a grey PNG counts at 16 bits as it does at 8 bits. What happens: sharp leaves 16-bit
# grey out of its conversion to sRGB without a warning: linear 100 of 255 stays 100, which at 8 bits becomes 168. So a
# scan or a render in linear grey comes out much too dark. Who meets it: whoever reads 16-bit grey with a profile, scans
# and height maps among them. Way out: open with ignoreIcc, stay in grey16 and ask for withIccProfile("srgb") at the
# end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --silent sharp@0.35.5
cat > "$folder/try.mjs" <<'EOF'
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";

const { sharp: version, vips, lcms } = sharp.versions;
console.log("node", process.version, "sharp", version, "libvips", vips, "Little CMS", lcms);

/** ICC version 2, grey, its curve the identity. */
function linearGrey() {
  const description = Buffer.alloc(96);
  description.write("desc\0\0\0\0\0\0\0\x05grey", "latin1");
  const white = Buffer.from("58595a20000000000000f6d6000100000000d32d", "hex");
  const curve = Buffer.from("curv\0\0\0\0\0\0\0\0", "latin1");
  const right = Buffer.from("text\0\0\0\0CC0\0", "latin1");
  const tags = [["desc", description], ["cprt", right], ["wtpt", white], ["kTRC", curve]];
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  let at = 128 + table.length;
  for (const [i, [name, { length }]] of tags.entries()) {
    table.write(name, 4 + 12 * i, "latin1");
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(length, 12 + 12 * i);
    at += length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(at);
  header.writeUInt32BE(0x02400000, 8);
  header.write("mntrGRAYXYZ ", 12, "latin1");
  header.write("acsp", 36, "latin1");
  white.copy(header, 68, 8);
  return Buffer.concat([header, table, ...tags.map(([, data]) => data)]);
}
async function grey(bits) {
  const samples = (bits === 16 ? Uint16Array : Uint8Array).from({ length: 64 }, () => (bits === 16 ? 25700 : 100));
  const picture = sharp(samples, { raw: { width: 8, height: 8, channels: 1 } });
  const png = await picture.toColourspace(bits === 16 ? "grey16" : "b-w").png().toBuffer();
  const data = Buffer.concat([Buffer.from("iCCPgrey\0\0", "latin1"), deflateSync(linearGrey())]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length - 4);
  sum.writeUInt32BE(crc32(data));
  return Buffer.concat([png.subarray(0, 33), length, data, sum, png.subarray(33)]);
}
async function number(pipeline) {
  const { buffer, byteOffset } = await pipeline.raw({ depth: "ushort" }).toBuffer();
  return Math.round(new Uint16Array(buffer, byteOffset, 1)[0] / 257);
}
const [eight] = await sharp(await grey(8)).raw().toBuffer();
const png = await grey(16);
const sixteen = await number(sharp(png).toColourspace("rgb16"));
const wayOut = await number(sharp(png, { ignoreIcc: true }).toColourspace("grey16").withIccProfile("srgb"));
console.log("linear grey 100 of  8 bits in sRGB:", eight);
console.log("linear grey 100 of 16 bits in sRGB:", sixteen);
console.log("the same through the way out:      ", wayOut);
const isSo = eight === 168 && sixteen === 100 && wayOut === 168;
console.log(isSo ? "As described." : "The behaviour has changed.");
process.exitCode = isSo ? 0 : 1;
EOF
node "$folder/try.mjs"
