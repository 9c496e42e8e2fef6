/** All pictures that were read so far, in columns of equal width; further down more are read. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ImageItem } from "../../client/index.ts";
import { styleTitle } from "../words.ts";
import { altOf, Made } from "./captions.tsx";
import { MOST } from "./feed-list.ts";
import { useWidth } from "./hooks.ts";
import type { Feed } from "./use-feed.ts";

/** Pixels: of a row of the grid, of a column at least, of the words below a picture with the space below them. */
const [ROW, COLUMN, WORDS] = [4, 220, 76];
/** Long pictures are cut to these. */
const [TALLEST, WIDEST] = [0.66, 1.6];

export const cellId = (jobId: string) => `picture-${jobId}`;

export interface WallProps {
  readonly feed: Feed;
  readonly now: number;
  readonly onOpen: (jobId: string) => void;
}

export function Wall({ feed, now, onOpen }: WallProps) {
  const list = useRef<HTMLUListElement>(null);
  const { columns, column } = columnsOf(useWidth(list));
  const { items } = feed.list;
  return (
    <>
      <ul ref={list} class="wall" style={{ "--columns": columns }}>
        {items.map((item) => (
          <Cell
            key={item.jobId}
            item={item}
            now={now}
            column={column}
            connections={feed.connections}
            onOpen={() => onOpen(item.jobId)}
            onBroken={() => feed.drop(item.jobId)}
          />
        ))}
      </ul>
      <More feed={feed} />
    </>
  );
}

/** Pictures that are still on their way. */
export function EmptyWall() {
  const list = useRef<HTMLUListElement>(null);
  const { columns, column } = columnsOf(useWidth(list));
  return (
    <ul ref={list} class="wall" style={{ "--columns": columns }} aria-hidden="true">
      {Array.from({ length: 8 }, (_, i) => (
        <li key={i} class="cell" style={{ gridRowEnd: spanOf(i % 3 === 1 ? 0.8 : 1, column) }}>
          <div class="cell-picture skeleton" />
        </li>
      ))}
    </ul>
  );
}

function columnsOf(width: number) {
  const gap = width < 600 ? 12 : 24; // as in feed.css
  const columns = Math.max(2, Math.floor((width + gap) / (COLUMN + gap)));
  return { columns, column: (width + gap) / columns - gap };
}

function spanOf(ratio: number, column: number): string {
  const height = column / Math.min(Math.max(ratio, TALLEST), WIDEST) + WORDS;
  return `span ${Math.max(1, Math.round(height / ROW))}`;
}

interface CellProps {
  readonly item: ImageItem;
  readonly now: number;
  /** Its width in pixels. */
  readonly column: number;
  readonly connections: number;
  readonly onOpen: () => void;
  /** False where the picture may be tried again with the next connection. */
  readonly onBroken: () => boolean;
}

/** Square, until its picture is there; from then on of the picture's shape, unless somebody would see it change. */
function Cell({ item, now, column, connections, onOpen, onBroken }: CellProps) {
  const [ratio, setRatio] = useState(1);
  const [isLoaded, setIsLoaded] = useState(false);
  const [isMissed, setIsMissed] = useState(false);
  const [src, setSrc] = useState(item.thumbnail);
  const onLoad = ({ currentTarget: image }: { readonly currentTarget: HTMLImageElement }) => {
    setIsLoaded(true);
    const isBelow = image.getBoundingClientRect().top > innerHeight;
    if (isBelow) setRatio(image.naturalWidth / image.naturalHeight);
  };
  return (
    <li class="cell" style={{ gridRowEnd: spanOf(ratio, column) }}>
      <button type="button" id={cellId(item.jobId)} class="cell-picture" onClick={onOpen}>
        <img
          key={isMissed ? connections : 0}
          class={isLoaded ? "is-loaded" : undefined}
          src={src}
          alt={altOf(item, now)}
          loading="lazy"
          decoding="async"
          onLoad={onLoad}
          onError={() => {
            if (src === item.thumbnail) setSrc(item.result);
            else if (!onBroken()) setIsMissed(true);
          }}
        />
      </button>
      <p class="cell-words" aria-hidden="true">
        <span class="cell-title">{styleTitle(item.style)}</span>
        <Made item={item} now={now} />
      </p>
    </li>
  );
}

function More({ feed: { list, error, isReading, more } }: { readonly feed: Feed }) {
  const place = useRef<HTMLDivElement>(null);
  const hasMore = list.next !== undefined;
  const isReady = hasMore && !isReading && error === undefined;
  useEffect(() => {
    if (!isReady) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && more(), {
      rootMargin: "900px 0px",
    });
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, [isReady, more]);
  return (
    <div ref={place} class="wall-end">
      <div role="alert">{error !== undefined && <p class="notice">{error}</p>}</div>
      {(hasMore || error !== undefined) && (
        <button type="button" class="button" aria-disabled={isReading} onClick={() => isReading || more()}>
          {error !== undefined ? "Try again" : isReading ? "Loading…" : "More"}
        </button>
      )}
      {!hasMore && error === undefined && (
        <p class="muted">
          {list.items.length < MOST ? "That is all of them." : `The newest ${MOST} pictures.`}
        </p>
      )}
    </div>
  );
}
