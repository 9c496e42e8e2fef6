/** Planar floats -> picture files, written so that a reader never sees half a file and a failure costs nothing. */
import { extname } from "node:path";
import sharp, { type Sharp } from "sharp";
import { StylizeError } from "../engine/errors.ts";
import type { Picture } from "../engine/picture.ts";
import type { Format } from "./decode.ts";
import { type Transparency, toSamples } from "./samples.ts";
import { writeFileSafely } from "./write-file.ts";

const formats: Readonly<Record<string, Format>> = {
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".png": "png",
  ".webp": "webp",
  ".tif": "tiff",
  ".tiff": "tiff",
  ".avif": "avif",
};

export interface EncodeOptions {
  /** Of which picture the opacity is put back, at the size of the one that is written; JPEG has none. */
  readonly transparency?: Transparency | undefined;
  /** 16 is kept where the format has it (PNG and TIFF). */
  readonly bitDepth?: 8 | 16;
  /** Text for the metadata: how the picture was made. */
  readonly description?: string;
}

/**
 * The format that a file name's extension stands for. Throws `bad-option` where it is none that can be written.
 *
 * @example
 * import { formatOf } from "stylize/pictures";
 * formatOf("result.tif"); // "tiff"
 */
export function formatOf(path: string): Format {
  const format = formats[extname(path).toLowerCase()];
  if (format) return format;
  const names = Object.keys(formats).join(", ");
  throw new StylizeError("bad-option", `Expected an output that ends in ${names} but received '${path}'.`);
}

/**
 * Whether pictures of that format can be transparent.
 *
 * @example
 * import { hasTransparency } from "stylize/pictures";
 * hasTransparency("jpeg"); // false
 */
export function hasTransparency(format: Format): boolean {
  return format !== "jpeg";
}

/**
 * The bytes of a file. Values outside [0,1] are clipped.
 *
 * @example
 * import { decodePicture, encodePicture } from "stylize/pictures";
 * const { picture } = await decodePicture("photo.jpg");
 * const bytes = await encodePicture(picture, "webp");
 */
export async function encodePicture(
  picture: Picture,
  format: Format,
  { transparency, bitDepth = 8, description }: EncodeOptions = {},
): Promise<Uint8Array> {
  const { width, height } = picture;
  const deep = bitDepth === 16 && (format === "png" || format === "tiff");
  const kept = hasTransparency(format) ? transparency : undefined;
  const samples = toSamples(picture, kept, deep);
  const raw = { width, height, channels: kept?.opacity ? 4 : 3 } as const;
  const pipeline = sharp(samples, { raw, limitInputPixels: false }).toColourspace(deep ? "rgb16" : "srgb");
  if (description) describe(pipeline, format, description);
  return compress(pipeline, format).toBuffer();
}

/**
 * Encodes a picture in the format of `path`'s extension and puts it there in one step.
 *
 * @throws StylizeError `write-failed`; a file that was there before is as it was, and no temporary file is left.
 *
 * @example
 * import { decodePicture, savePicture } from "stylize/pictures";
 * const { picture } = await decodePicture("photo.jpg");
 * await savePicture("copy.png", picture);
 */
export async function savePicture(
  path: string,
  picture: Picture,
  options: EncodeOptions = {},
): Promise<void> {
  const format = formatOf(path);
  let bytes: Uint8Array;
  try {
    bytes = await encodePicture(picture, format, options);
  } catch (cause) {
    const { width, height } = picture;
    const message = `Expected to write a ${width}x${height} ${format} picture but: ${(cause as Error).message.trim()}.`;
    throw new StylizeError("write-failed", message, { cause });
  }
  await writeFileSafely(path, bytes);
}

/** As EXIF, or XMP in TIFF, where sharp writes no EXIF. */
function describe(pipeline: Sharp, format: Format, description: string): void {
  if (format !== "tiff") {
    pipeline.withExif({ IFD0: { ImageDescription: asAscii(description), Software: "stylize" } });
    return;
  }
  const text = description.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  pipeline.withXmp(
    `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
      `<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" rdf:about=""><dc:description><rdf:Alt>` +
      `<rdf:li ` +
      `xml:lang="x-default">${text}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>`,
  );
}

/** EXIF text is ASCII; as JSON does, other characters become \uXXXX. */
function asAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Settings for pictures people keep: losses that can't be seen, no chroma subsampling. */
function compress(pipeline: Sharp, format: Format): Sharp {
  switch (format) {
    case "jpeg":
      return pipeline.jpeg({ quality: 95, chromaSubsampling: "4:4:4" });
    case "png":
      return pipeline.png();
    case "webp":
      return pipeline.webp({ quality: 95 });
    case "tiff":
      return pipeline.tiff({ compression: "deflate" });
    case "avif":
      return pipeline.avif({ quality: 80 });
    default:
      return format satisfies never;
  }
}
