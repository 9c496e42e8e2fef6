import { describe, expect, test } from "vitest";
import type { ImageItem } from "../../client/index.ts";
import {
  arrived,
  continued,
  emptyList,
  type FeedList,
  known,
  MOST,
  refreshed,
  shown,
  without,
} from "./feed-list.ts";

/** The picture that ended at `endedAt`. */
function image(endedAt: number): ImageItem {
  const jobId = `${endedAt}`.padStart(32, "0");
  return {
    jobId,
    result: `/${jobId}.png`,
    thumbnail: `/${jobId}.small.jpg`,
    content: `/${jobId}.jpg`,
    endedAt,
  };
}
const images = (...moments: number[]) => moments.map(image);
const moments = (list: readonly ImageItem[]) => list.map(({ endedAt }) => endedAt);
const page = (next: string | undefined, ...given: number[]) => ({ images: images(...given), next });

/** What a reader sees who has read the first page, 9 to 7. */
const begun: FeedList = refreshed(emptyList, page("6", 9, 8, 7), true);

describe("the first page", () => {
  test("is the wall, with what came before it was there", () => {
    const early = arrived(emptyList, images(10, 9), true);
    const list = refreshed(early, page("6", 9, 8, 7), true);
    expect(moments(list.items)).toEqual([10, 9, 8, 7]);
    expect(list).toMatchObject({ next: "6", isRead: true });
  });

  test("may be empty", () => {
    expect(refreshed(emptyList, page(undefined), true)).toMatchObject({ items: [], isRead: true });
  });
});

describe("new pictures", () => {
  test("go on top where the reader is at the top", () => {
    const list = arrived(begun, images(10), true);
    expect(moments(list.items)).toEqual([10, 9, 8, 7]);
    expect(list.waiting).toEqual([]);
  });

  test("wait where the reader is further down, and are shown in their order", () => {
    const waiting = arrived(arrived(begun, images(10), false), images(11), false);
    expect(waiting.items).toBe(begun.items);
    expect(moments(waiting.waiting)).toEqual([11, 10]);
    expect(moments(known(waiting))).toEqual([11, 10, 9, 8, 7]);
    const list = shown(waiting);
    expect(moments(list.items)).toEqual([11, 10, 9, 8, 7]);
    expect(list).toMatchObject({ waiting: [], next: "6" });
  });

  test("show those that waited, too, once the reader is at the top", () => {
    expect(moments(arrived(arrived(begun, images(10), false), images(11), true).items)).toEqual([
      11, 10, 9, 8, 7,
    ]);
  });

  test("are there once, however often they are told", () => {
    const twice = arrived(arrived(begun, images(10, 9), false), images(10), false);
    expect(moments(twice.waiting)).toEqual([10]);
    expect(arrived(begun, images(9, 7), true)).toBe(begun);
  });
});

describe("further pages", () => {
  test("go below, each picture once", () => {
    const list = continued(begun, page("4", 7, 6, 5));
    expect(moments(list.items)).toEqual([9, 8, 7, 6, 5]);
    expect(list.next).toBe("4");
  });

  test("end", () => {
    expect(continued(begun, page(undefined, 6)).next).toBeUndefined();
  });

  test("are no more than the wall holds", () => {
    const many = Array.from({ length: MOST }, (_, i) => 6 - i);
    const list = continued(begun, page("more", ...many));
    expect(list.items).toHaveLength(MOST);
    expect(list.items[0]).toEqual(image(9));
    expect(list.next).toBeUndefined();
  });
});

describe("after a break", () => {
  test("what was missed comes as if it were new", () => {
    const missed = page("8", 11, 10, 9);
    expect(moments(refreshed(begun, missed, true).items)).toEqual([11, 10, 9, 8, 7]);
    expect(moments(refreshed(begun, missed, false).waiting)).toEqual([11, 10]);
    expect(refreshed(begun, missed, true).next).toBe("6");
  });

  test("nothing changes where nothing was missed", () => {
    expect(refreshed(begun, page("6", 9, 8, 7), true)).toBe(begun);
  });

  test("a gap that is longer than a page begins the wall anew", () => {
    const list = refreshed(begun, page("20", 23, 22, 21), true);
    expect(moments(list.items)).toEqual([23, 22, 21]);
    expect(list).toMatchObject({ next: "20", waiting: [] });
  });

  test("a reader further down decides when it does", () => {
    const late = arrived(begun, images(24), false);
    const list = refreshed(late, page("20", 23, 22, 21), false);
    expect(moments(list.items)).toEqual([9, 8, 7]);
    expect(moments(list.waiting)).toEqual([24, 23, 22, 21]);
    const anew = shown(arrived(list, images(25), false));
    expect(moments(anew.items)).toEqual([25, 24, 23, 22, 21]);
    expect(anew.next).toBe("20");
    expect(anew.restart).toBeUndefined();
  });
});

test("a picture that is gone is nowhere", () => {
  const list = arrived(begun, images(10), false);
  expect(moments(known(without(without(list, image(10).jobId), image(8).jobId)))).toEqual([9, 7]);
});
