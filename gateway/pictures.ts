/** Pictures of clients: decoded and encoded again, so that what is stored is a picture and no more. */
import sharp, { type Sharp } from "sharp";
import { openPicture, uprightSrgb } from "../pictures/open.ts";
import { type PictureType, pictureTypeOf } from "../protocol/picture-types.ts";
import type { PictureData } from "./job-service.ts";
import { RequestFailure } from "./request-failure.ts";

// What a client sends meets three decoders and no others, of those that pictures/open.ts lets run.
sharp.block({ operation: ["VipsForeignLoadTiff", "VipsForeignLoadHeif"] });
sharp.cache(false); // no two pictures are the same

export interface PictureLimits {
  readonly maxBytes: number;
  readonly maxPixels: number;
}

/** What the engine takes at least. */
const MIN_SIDE = 32;
const SECONDS = 30;

/** The bytes of a data URL. Throws RequestFailure `bad-picture` before it decodes too many. */
export function dataUrlBytes(url: string, { maxBytes }: PictureLimits): Uint8Array {
  const base64 = url.slice(url.lastIndexOf(",") + 1); // a quoted parameter may hold one, base64 never
  if (base64.length > Math.ceil(maxBytes / 3) * 4) throw new RequestFailure("bad-picture");
  return Buffer.from(base64, "base64");
}

/**
 * The same picture, encoded again: upright, sRGB, without EXIF or anything else that came with it.
 *
 * @throws RequestFailure `bad-picture` for what is no JPEG, PNG or WebP, damaged, animated, too large or too small.
 */
export async function cleanPicture(bytes: Uint8Array, limits: PictureLimits): Promise<PictureData> {
  const type = pictureTypeOf(bytes);
  if (type === undefined || bytes.length > limits.maxBytes) throw new RequestFailure("bad-picture");
  try {
    const { maxPixels } = limits;
    const header = await openPicture(bytes, { maxPixels }).metadata();
    const { width, height, pages = 1 } = header;
    if (pages > 1 || Math.min(width, height) < MIN_SIDE) throw new RequestFailure("bad-picture");
    const upright = uprightSrgb(bytes, header, 8, { maxPixels }).timeout({ seconds: SECONDS });
    return { bytes: await encoded(upright, type).toBuffer(), type };
  } catch (cause) {
    if (cause instanceof RequestFailure) throw cause;
    throw new RequestFailure("bad-picture", { cause });
  }
}

function encoded(picture: Sharp, type: PictureType): Sharp {
  switch (type) {
    case "image/jpeg":
      return picture.jpeg({ quality: 95, chromaSubsampling: "4:4:4" });
    case "image/png":
      return picture.png();
    case "image/webp":
      return picture.webp({ quality: 95 });
    default:
      return type satisfies never;
  }
}
