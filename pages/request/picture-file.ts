/** A file that a visitor chose, made into a picture that the service takes. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Size } from "../../engine/picture.ts";
import type { Site } from "../../protocol/protocol.ts";
import { limits } from "../service.ts";
import { MIN_SIDE, sizeText } from "./sizes.ts";

export interface ChosenPicture extends Size {
  readonly name: string;
  /** JPEG, PNG or WebP within the service's limits. */
  readonly blob: Blob;
  /** An object URL, for whoever replaces the picture to revoke. */
  readonly url: string;
  /** What was done to it, for people. */
  readonly note?: string;
  /** Whether it was drawn anew here, and so is no longer the file that came. */
  readonly isRedrawn: boolean;
}

export type PictureLimits = Pick<Site, "maxImageBytes" | "maxPixels" | "maxSize">;

/** `message` is for people. */
export class PictureProblem extends Error {}

/** Pixels of the largest canvas that phones draw. */
const MAX_CANVAS = 16_000_000;
const JPEG_QUALITY = 0.92;

/** Throws PictureProblem where it can't be read or has a wrong shape. */
export async function readPicture(file: File, limits: PictureLimits): Promise<ChosenPicture> {
  const image = await decode(file);
  const size = { width: image.naturalWidth, height: image.naturalHeight };
  checkShape(size, limits);
  const isTaken = await isTakenAsItIs(file);
  const isSmallEnough = file.size <= limits.maxImageBytes && size.width * size.height <= limits.maxPixels;
  if (isTaken && isSmallEnough)
    return { name: file.name, blob: file, url: URL.createObjectURL(file), ...size, isRedrawn: false };
  const drawn = await draw(image, limits);
  const isReduced = drawn.width < size.width;
  const note = isReduced ? `Reduced from ${sizeText(size)} to be sent.` : "Converted to JPEG to be sent.";
  return chosen(file.name, drawn, note);
}

/**
 * The same picture as a JPEG of this browser's making: for files that are slightly damaged, which browsers show and
 * services refuse.
 */
export async function redraw(picture: ChosenPicture, limits: PictureLimits): Promise<ChosenPicture> {
  const drawn = await draw(await decode(picture.blob), limits);
  return chosen(picture.name, drawn, "Converted to JPEG to be sent.");
}

function chosen(name: string, { blob, width, height }: Size & { blob: Blob }, note: string): ChosenPicture {
  return { name, blob, url: URL.createObjectURL(blob), width, height, note, isRedrawn: true };
}

/** Upright, as EXIF says. */
async function decode(file: Blob): Promise<HTMLImageElement> {
  const image = new Image();
  const url = URL.createObjectURL(file);
  try {
    image.src = url;
    await image.decode();
    return image;
  } catch {
    throw new PictureProblem(
      "This browser can't read that file as a picture. JPEG, PNG and WebP always work.",
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

function checkShape(size: Size, { maxSize }: PictureLimits): void {
  const short = Math.min(size.width, size.height);
  const long = Math.max(size.width, size.height);
  if (short < MIN_SIDE)
    throw new PictureProblem(
      `That picture has ${sizeText(size)} pixels: each side needs at least ${MIN_SIDE}.`,
    );
  if ((MIN_SIDE * long) / short > maxSize)
    throw new PictureProblem(`That picture is too narrow to be painted: ${sizeText(size)} pixels.`);
}

/** By its first bytes: JPEG, PNG, or WebP that does not move. */
async function isTakenAsItIs(file: Blob): Promise<boolean> {
  const bytes = new Uint8Array(await file.slice(0, 21).arrayBuffer());
  const start = String.fromCharCode(...bytes);
  if (start.startsWith("\xff\xd8\xff") || start.startsWith("\x89PNG\r\n\x1a\n")) return true;
  const isMoving = start.slice(12, 16) === "VP8X" && ((bytes[20] ?? 0) & 2) !== 0;
  return start.startsWith("RIFF") && start.slice(8, 12) === "WEBP" && !isMoving;
}

/** A JPEG of at most so many bytes and pixels, on white where the picture is transparent. */
async function draw(image: HTMLImageElement, { maxImageBytes, maxPixels }: PictureLimits) {
  const { naturalWidth, naturalHeight } = image;
  const most = Math.min(maxPixels, MAX_CANVAS);
  let scale = Math.min(1, Math.sqrt(most / (naturalWidth * naturalHeight)));
  for (;;) {
    const width = Math.max(MIN_SIDE, Math.floor(naturalWidth * scale));
    const height = Math.max(MIN_SIDE, Math.floor(naturalHeight * scale));
    const blob = await toJpeg(image, { width, height });
    if (blob.size <= maxImageBytes || Math.min(width, height) === MIN_SIDE) return { blob, width, height };
    scale *= 0.7;
  }
}

async function toJpeg(image: HTMLImageElement, { width, height }: Size): Promise<Blob> {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (!context) throw new PictureProblem("This browser has not enough memory for that picture.");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((resolve) =>
    canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY),
  );
  if (!blob) throw new PictureProblem("This browser has not enough memory for that picture.");
  return blob;
}

export interface PictureField {
  readonly picture: ChosenPicture | undefined;
  readonly problem: string | undefined;
  readonly isReading: boolean;
  readonly choose: (file: File) => Promise<void>;
  /** Takes one that was read before. */
  readonly replace: (picture: ChosenPicture | undefined) => void;
  readonly complain: (problem: string | undefined) => void;
}

const UNUSABLE = "That picture can't be used in this browser.";

/** Pictures outlive a visit to another page, so that one can come back and try another style. */
const kept = new Map<string, ChosenPicture>();

/** `name` tells the pictures of one page apart. */
export function usePicture(name: string): PictureField {
  const [picture, setPicture] = useState(() => kept.get(name));
  const [problem, complain] = useState<string>();
  const [isReading, setIsReading] = useState(false);
  const latest = useRef(0);
  useEffect(() => () => void latest.current++, []);

  const replace = (next: ChosenPicture | undefined) => {
    const last = kept.get(name);
    if (last) URL.revokeObjectURL(last.url);
    if (next) kept.set(name, next);
    else kept.delete(name);
    setPicture(next);
    complain(undefined);
  };
  const choose = async (file: File) => {
    const own = ++latest.current;
    setIsReading(true);
    try {
      const next = await readPicture(file, await limits());
      if (own === latest.current) replace(next);
      else URL.revokeObjectURL(next.url);
    } catch (error) {
      const problem = error instanceof PictureProblem ? error.message : UNUSABLE;
      if (own === latest.current) complain(problem);
    } finally {
      if (own === latest.current) setIsReading(false);
    }
  };
  return { picture, problem, isReading, choose, replace, complain };
}
