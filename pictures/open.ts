/**
 * The one way from a file's bytes into sharp: which decoders may run, what counts as damage, and colours brought to
 * sRGB.
 */
import sharp, { type Metadata, type Sharp } from "sharp";

// libvips would read some 20 formats, SVG and PDF among them, which can refer to other files: only these decoders may
// run.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Tiff", "Heif"].map((format) => `VipsForeignLoad${format}`),
});

export interface OpenOptions {
  /** Index of the page to read, in a file that has several; the first when not given. */
  readonly page?: number | undefined;
  /** Most pixels; any number when not given. */
  readonly maxPixels?: number;
  /** Whether the numbers are left as they are, whatever colours a profile says they mean. */
  readonly ignoreIcc?: boolean;
}

/**
 * A picture to be decoded.
 *
 * What a decoder only warns of is no reason to refuse a picture: cameras write such files, and every viewer shows them.
 * That a file was cut short is one.
 */
export function openPicture(
  bytes: Uint8Array,
  { page, maxPixels, ignoreIcc = false }: OpenOptions = {},
): Sharp {
  return sharp(bytes, {
    failOn: "error",
    limitInputPixels: maxPixels ?? false,
    ignoreIcc,
    ...(page === undefined ? {} : { page }),
  });
}

/**
 * A picture upright and in sRGB, with `bits` bits a channel; channels behind those of the colour follow it as they are.
 *
 * @param header what `metadata()` says of it.
 */
export function uprightSrgb(
  bytes: Uint8Array,
  { icc, format, space }: Metadata,
  bits: 8 | 16,
  options: OpenOptions = {},
): Sharp {
  const colours = icc && profileColours(icc);
  // A grey AVIF is decoded to three channels, which its profile does not fit.
  const isGreyAvif = format === "heif" && colours === "GRAY";
  const isDeep = space === "rgb16" || space === "grey16";
  const ownSpace = bits === 16 ? "rgb16" : "srgb";
  if (!icc || !(isDeep || isGreyAvif))
    return openPicture(bytes, options).autoOrient().toColourspace(ownSpace);
  // Left to itself, sharp converts RGB of 16 bits to Display P3 and grey of 16 bits not at all. So the profile is
  // ignored at first, and used where sRGB is asked for at the end, when the picture still has it.
  const raw = openPicture(bytes, { ...options, ignoreIcc: true }).autoOrient();
  const isGrey = isGreyAvif || space === "grey16";
  if (colours !== (isGrey ? "GRAY" : "RGB")) return raw.toColourspace(ownSpace); // damaged, or another picture's
  const greySpace = bits === 16 ? "grey16" : "b-w";
  return raw.toColourspace(isGrey ? greySpace : ownSpace).withIccProfile("srgb", { attach: false });
}

type Colours = "RGB" | "GRAY";

/** Tags of which a profile needs all of one line to be of use. */
const needs: Readonly<Record<Colours, readonly (readonly string[])[]>> = {
  RGB: [["A2B0"], ["rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"]],
  GRAY: [["A2B0"], ["kTRC"]],
};

const HEADER_BYTES = 128;
const TAG_BYTES = 12;
const MAX_TAGS = 100; // Little CMS reads no more

/**
 * The colours whose meaning a profile tells; undefined where it is damaged, or of colours that are neither.
 *
 * libvips does not say whether it could use a profile, and takes another in place of one that it couldn't.
 * Source: ICC.1:2022, 7.2 and 7.3.
 */
export function profileColours(profile: Uint8Array): Colours | undefined {
  if (profile.length < HEADER_BYTES + 4) return undefined;
  const bytes = Buffer.from(profile.buffer, profile.byteOffset, profile.byteLength);
  const text = (at: number) => bytes.toString("latin1", at, at + 4);
  const colours = text(16).trim();
  if (text(36) !== "acsp" || (colours !== "RGB" && colours !== "GRAY")) return undefined;
  const count = bytes.readUInt32BE(HEADER_BYTES);
  const end = HEADER_BYTES + 4 + TAG_BYTES * count;
  if (count > MAX_TAGS || end > bytes.length) return undefined;
  const whole = new Set<string>();
  for (let at = HEADER_BYTES + 4; at < end; at += TAG_BYTES) {
    if (bytes.readUInt32BE(at + 4) + bytes.readUInt32BE(at + 8) <= bytes.length) whole.add(text(at));
  }
  return needs[colours].some((line) => line.every((tag) => whole.has(tag))) ? colours : undefined;
}
