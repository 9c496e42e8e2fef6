/** Which pictures are on the wall: pages of the past, what is new, each once, the newest first. */
import type { ImageItem } from "../../client/index.ts";

/** Pictures on the wall at most: more of them weigh a phone down. */
export const MOST = 480;

export interface FeedList {
  /** On the wall, the newest first. */
  readonly items: readonly ImageItem[];
  /** New ones that wait to be put on top, the newest first. */
  readonly waiting: readonly ImageItem[];
  /** Cursor of what is older than `items`; absent at the end. */
  readonly next?: string | undefined;
  /** Whether there was an answer yet. */
  readonly isRead: boolean;
  /**
   * Between `waiting` and `items` some are missing: the waiting ones will replace the wall, and this is their cursor.
   */
  readonly restart?: { readonly next: string | undefined };
}

export interface ImagePage {
  readonly images: readonly ImageItem[];
  readonly next?: string | undefined;
}

export const emptyList: FeedList = { items: [], waiting: [], isRead: false };

/** All that is known, the newest first. */
export function known({ items, waiting }: FeedList): readonly ImageItem[] {
  return waiting.length === 0 ? items : merged(waiting, items);
}

/** With new pictures: on the wall at once where `isAtTop`, waiting otherwise. */
export function arrived(list: FeedList, images: readonly ImageItem[], isAtTop: boolean): FeedList {
  const ids = new Set(known(list).map(({ jobId }) => jobId));
  const fresh = images.filter(({ jobId }) => !ids.has(jobId));
  if (fresh.length === 0) return list;
  const more = { ...list, waiting: merged(fresh, list.waiting) };
  return isAtTop ? shown(more) : more;
}

/** With the newest page, as it is read at first and after each break. */
export function refreshed(list: FeedList, page: ImagePage, isAtTop: boolean): FeedList {
  if (!list.isRead)
    return cut({ ...list, items: merged(page.images, list.items), next: page.next, isRead: true });
  const ids = new Set(list.items.map(({ jobId }) => jobId));
  const isGapless = page.next === undefined || page.images.some(({ jobId }) => ids.has(jobId));
  if (isGapless) return arrived(list, page.images, isAtTop);
  const oldest = page.images.at(-1)?.endedAt ?? 0;
  const newer = known(list).filter(({ endedAt }) => endedAt > oldest);
  const restarted = { ...list, waiting: merged(newer, page.images), restart: { next: page.next } };
  return isAtTop ? shown(restarted) : restarted;
}

/** With the page that `next` led to. */
export function continued(list: FeedList, page: ImagePage): FeedList {
  return cut({ ...list, items: merged(list.items, page.images), next: page.next });
}

/** With what waits on the wall. */
export function shown({ items, waiting, next, restart, isRead }: FeedList): FeedList {
  if (restart) return cut({ items: waiting, waiting: [], next: restart.next, isRead });
  return cut({ items: merged(waiting, items), waiting: [], next, isRead });
}

/** Without a picture that is no longer there. */
export function without(list: FeedList, jobId: string): FeedList {
  const isOther = (image: ImageItem) => image.jobId !== jobId;
  return { ...list, items: list.items.filter(isOther), waiting: list.waiting.filter(isOther) };
}

/** A cursor is of no use any more once pictures in front of it were left out. */
function cut(list: FeedList): FeedList {
  if (list.items.length < MOST) return list;
  return { ...list, items: list.items.slice(0, MOST), next: undefined };
}

function merged(first: readonly ImageItem[], second: readonly ImageItem[]): readonly ImageItem[] {
  const byId = new Map([...second, ...first].map((image) => [image.jobId, image]));
  return [...byId.values()].sort((a, b) => b.endedAt - a.endedAt || (a.jobId < b.jobId ? 1 : -1));
}
