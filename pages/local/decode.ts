/**
 * Picture files -> planar floats, by the browser's decoders: EXIF orientation applied, colours converted to sRGB,
 * opacity in a plane of its own, as pictures/decode.ts does.
 *
 * Pixels come through a texture: a canvas multiplies colours with opacity, which loses those that are nearly
 * transparent, and some browsers add noise to what is read from it.
 */
import { StylizeError } from "../../engine/errors.ts";
import type { GpuContext } from "../../engine/gpu/context.ts";
import type { Picture } from "../../engine/picture.ts";
import { MIN_SIDE } from "../../engine/pyramid.ts";
import { toPlanes } from "../../pictures/samples.ts";

/** As floats these take 100 MB. Larger pictures are shrunk by the browser before. */
const MAX_PIXELS = 2 ** 23;

const COPY_BYTES = 256; // rows of a texture are copied to multiples of this

/** @param name what errors call the picture. Throws StylizeError `bad-picture`. */
export async function decodePicture(context: GpuContext, blob: Blob, name: string): Promise<Picture> {
  const full = await openBitmap(blob, name, "none");
  const { width, height } = full;
  if (Math.min(width, height) < MIN_SIDE) {
    full.close();
    const message =
      `Expected '${name}' to have at least ${MIN_SIDE} pixels on its short side ` +
      `but it has ${width}x${height}.`;
    throw new StylizeError("bad-picture", message);
  }
  const factor = shrinkage(full, context.limits.maxTextureDimension2D);
  const bitmap = factor < 1 ? await shrunk(full, factor, () => openBitmap(blob, name, "premultiply")) : full;
  try {
    const samples = await readPixels(context, bitmap);
    return toPlanes(samples, {
      width: bitmap.width,
      height: bitmap.height,
      channels: 4,
      opacity: 3,
      max: 255,
    });
  } finally {
    bitmap.close();
  }
}

/**
 * "none" gives colours as they are in the file, "premultiply" multiplied with opacity. Throws StylizeError
 * `bad-picture`.
 */
async function openBitmap(
  blob: Blob,
  name: string,
  premultiplyAlpha: PremultiplyAlpha,
): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { premultiplyAlpha, imageOrientation: "from-image" });
  } catch (cause) {
    const message =
      `Expected a picture that this browser can read but '${name}' is none, ` +
      `or is damaged (${blob.type || "unknown type"}).`;
    throw new StylizeError("bad-picture", message, { cause });
  }
}

/** Below 1 where a picture has too many pixels, or a side is longer than `maxSide`. */
function shrinkage({ width, height }: ImageBitmap, maxSide: number): number {
  return Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)), maxSide / Math.max(width, height));
}

/**
 * A smaller bitmap; the one that was given is closed.
 *
 * Browsers average what a bitmap holds: hidden colours get into the others, unless it was opened with colours
 * multiplied by opacity.
 */
async function shrunk(
  bitmap: ImageBitmap,
  factor: number,
  openMultiplied: () => Promise<ImageBitmap>,
): Promise<ImageBitmap> {
  const [resizeWidth, resizeHeight] = [Math.floor(bitmap.width * factor), Math.floor(bitmap.height * factor)];
  bitmap.close();
  const multiplied = await openMultiplied();
  try {
    const resized = { resizeWidth, resizeHeight, resizeQuality: "high" } as const;
    return await createImageBitmap(multiplied, { premultiplyAlpha: "premultiply", ...resized });
  } finally {
    multiplied.close();
  }
}

/** [height][width][4] */
async function readPixels(context: GpuContext, bitmap: ImageBitmap): Promise<Uint8Array> {
  const { device } = context;
  const { width, height } = bitmap;
  const pitch = Math.ceil((4 * width) / COPY_BYTES) * COPY_BYTES;
  using arena = context.arena("picture");
  const staging = arena.staging("pixels", pitch * height);
  const usage = GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC | GPUTextureUsage.RENDER_ATTACHMENT;
  const texture = device.createTexture({ size: [width, height], format: "rgba8unorm", usage });
  arena.own(4 * width * height, () => texture.destroy());
  const target = { texture, colorSpace: "srgb", premultipliedAlpha: false } as const;
  device.queue.copyExternalImageToTexture({ source: bitmap }, target, [width, height]);
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer: staging, bytesPerRow: pitch }, [width, height]);
  device.queue.submit([encoder.finish()]);
  const padded = new Uint8Array(await context.readStaging(staging));
  const pixels = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++)
    pixels.set(padded.subarray(y * pitch, y * pitch + 4 * width), 4 * width * y);
  return pixels;
}
