/** What hangs in the gallery: one picture after the other, each shown once it can be painted at once. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ImageItem } from "../../client/index.ts";

/** Milliseconds that a picture hangs. */
const HANGING_MS = 8000;

export interface Slide {
  readonly item: ImageItem;
  /** Width by height. */
  readonly ratio: number;
  /** Whether the picture that it was made of is still there. */
  readonly hasOriginal: boolean;
}

export interface GalleryOptions {
  /** The newest first. */
  readonly items: readonly ImageItem[];
  readonly isRunning: boolean;
  /** Told of a picture that could not be loaded; false where that is no reason to leave it out. */
  readonly onBroken: (jobId: string) => boolean;
}

export function useGallery({ items, isRunning, onBroken }: GalleryOptions) {
  const [{ slide, leaving }, setSlides] = useState<{ slide?: Slide; leaving?: Slide }>({});
  const current = slide?.item.jobId;
  const rotation = useRef<readonly string[]>([]);
  const newest = items.slice(0, ROTATING).map(({ jobId }) => jobId);
  rotation.current = rotationWith(rotation.current, current, newest);
  const latest = useRef({ items, current, onBroken });
  latest.current = { items, current, onBroken };
  /** The last wish counts; 0 while nothing is loaded. */
  const loading = useRef(0);
  const wishes = useRef(0);

  const move = useCallback(async (by: number): Promise<Slide | undefined> => {
    const wish = ++wishes.current;
    loading.current = wish;
    const next = await nextSlide(by, rotation, latest, () => wish !== wishes.current);
    if (wish !== wishes.current) return undefined;
    loading.current = 0;
    if (next) setSlides(({ slide }) => (slide ? { slide: next, leaving: slide } : { slide: next }));
    return next;
  }, []);
  useEffect(() => () => void wishes.current++, []);

  const isEmpty = items.length === 0;
  const isGone = slide !== undefined && !items.some(({ jobId }) => jobId === current);
  useEffect(() => {
    if (isEmpty) setSlides({});
    else if (current === undefined || isGone) void move(0);
  }, [isEmpty, isGone, current, move]);
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => loading.current === 0 && void move(1), HANGING_MS);
    return () => clearInterval(timer);
  }, [isRunning, current, move]);
  return { slide, leaving, move, places: rotation.current.length };
}

async function nextSlide(
  by: number,
  rotation: { current: readonly string[] },
  latest: { readonly current: Pick<GalleryOptions, "items" | "onBroken"> & { current: string | undefined } },
  isLate: () => boolean,
): Promise<Slide | undefined> {
  while (!isLate()) {
    const { items, current, onBroken } = latest.current;
    const id = stepped(rotation.current, current, by);
    const item = items.find(({ jobId }) => jobId === id);
    if (item === undefined || (item.jobId === current && by !== 0)) return undefined;
    const [result, content] = await Promise.all([decoded(item.result), decoded(item.content)]);
    if (result) {
      const { naturalWidth, naturalHeight } = result;
      return { item, ratio: naturalWidth / naturalHeight, hasOriginal: content !== undefined };
    }
    if (isLate() || !onBroken(item.jobId)) return undefined;
    rotation.current = rotation.current.filter((one) => one !== item.jobId);
  }
  return undefined;
}

/** The picture once it can be painted without delay; undefined where it can't be loaded. */
async function decoded(url: string): Promise<HTMLImageElement | undefined> {
  const image = new Image();
  image.src = url;
  return image.decode().then(
    () => image,
    () => undefined,
  );
}

/** In which order the gallery shows its pictures: ids, from which it goes round and round. */

/** Pictures that take part. */
export const ROTATING = 24;

/**
 * With the newest ids, `newest` first: those that are new come next after `current`, in the order in which they were
 * made.
 */
export function rotationWith(
  rotation: readonly string[],
  current: string | undefined,
  newest: readonly string[],
): readonly string[] {
  if (rotation.length === 0) return newest;
  const fresh = newest.filter((id) => !rotation.includes(id)).reverse();
  const at = current === undefined ? -1 : rotation.indexOf(current);
  const isNewest = new Set(newest);
  const all = [...rotation.slice(0, at + 1), ...fresh, ...rotation.slice(at + 1)];
  return all.filter((id) => isNewest.has(id));
}

/** The id `by` places after `current`; the first where `current` does not take part. */
export function stepped(
  rotation: readonly string[],
  current: string | undefined,
  by: number,
): string | undefined {
  const at = current === undefined ? -1 : rotation.indexOf(current);
  return at < 0 ? rotation[0] : rotation.at((at + by) % rotation.length);
}
