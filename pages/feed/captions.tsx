/** What is said of a picture. */
import type { ImageItem } from "../../client/index.ts";
import { ago, styleTitle } from "../words.ts";

/** For those who don't see it. */
export function altOf({ style, endedAt }: ImageItem, now: number): string {
  return `Painting in the style of ${styleTitle(style)}, made ${ago(endedAt, now)}`;
}

export function Made({ item: { endedAt }, now }: { readonly item: ImageItem; readonly now: number }) {
  return (
    <time class="muted" dateTime={new Date(endedAt).toISOString()} title={new Date(endedAt).toLocaleString()}>
      {ago(endedAt, now)}
    </time>
  );
}
