/** ICC profiles, as far as a decoder has to know them. */

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
