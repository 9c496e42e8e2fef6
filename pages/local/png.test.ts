import sharp from "sharp";
import { expect, it } from "vitest";
import type { Picture } from "../../engine/picture.ts";
import { crc32, encodePng } from "./png.ts";

const [width, height] = [37, 23];

/** Values from -0.1 to 1.1. */
const picture: Picture = {
  width,
  height,
  data: Float32Array.from({ length: 3 * width * height }, (_, i) => ((i * 7919) % 1201) / 1000 - 0.1),
};

async function read(blob: Blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const { data, info } = await sharp(bytes, { failOn: "warning" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: [...data], channels: info.channels, size: [info.width, info.height] };
}

const sample = (value: number) => Math.round(255 * Math.min(1, Math.max(0, value)));

it("crc32 gives the sum that the standard gives, whatever the length", () => {
  const sum = (text: string) => crc32(new TextEncoder().encode(text)).toString(16);
  expect(["123456789", "", "a", "abcdefghijklmnopqrstuvwxyz"].map(sum)).toEqual([
    "cbf43926",
    "0",
    "e8b7be43",
    "4c2750bd",
  ]);
});

it("encodePng writes what another decoder reads", async () => {
  const blob = await encodePng(picture);
  expect(blob.type).toBe("image/png");
  const { data, channels, size } = await read(blob);
  expect([channels, ...size]).toEqual([3, width, height]);
  const pixels = width * height;
  expect(data).toEqual(data.map((_, i) => sample(picture.data[(i % 3) * pixels + Math.floor(i / 3)]!)));
});

it("encodePng puts opacity back and leaves colours as they are", async () => {
  const opacity = Float32Array.from({ length: width * height }, (_, i) => (i % 256) / 255);
  const { data, channels } = await read(await encodePng(picture, { width, height, opacity }));
  expect(channels).toBe(4);
  const colours = await read(await encodePng(picture));
  expect(data.filter((_, i) => i % 4 < 3)).toEqual(colours.data);
  expect(data.filter((_, i) => i % 4 === 3)).toEqual(Array.from(opacity, sample));
});
