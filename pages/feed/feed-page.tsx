/** What everybody made public: the newest in a gallery, all of it on a wall below. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { hrefOf } from "../router.ts";
import "./feed.css";
import "./gallery.css";
import "./lightbox.css";
import { Icon } from "../parts.tsx";
import { known } from "./feed-list.ts";
import { Gallery } from "./gallery.tsx";
import { useNow } from "./hooks.ts";
import { Lightbox } from "./lightbox.tsx";
import { type Feed, useFeed } from "./use-feed.ts";
import { cellId, EmptyWall, Wall } from "./wall.tsx";

interface Open {
  readonly jobId: string;
  readonly from: "gallery" | "wall";
}

export function FeedPage() {
  const feed = useFeed();
  const now = useNow();
  const [open, setOpen] = useState<Open>();
  const heading = useRef<HTMLHeadingElement>(null);
  const all = known(feed.list);

  const close = () => {
    if (open?.from === "wall") document.getElementById(cellId(open.jobId))?.focus();
    setOpen(undefined);
  };
  const showNew = () => {
    feed.show();
    heading.current?.scrollIntoView();
    heading.current?.focus({ preventScroll: true });
  };
  if (feed.list.isRead && all.length === 0)
    return (
      <EmptyFeed title="Nothing hangs here yet">
        <p class="muted">Paint a picture, make it public, and it will be the first on this wall.</p>
        <a class="button primary" href={hrefOf.request}>
          Start a picture
        </a>
      </EmptyFeed>
    );
  if (!feed.list.isRead && feed.error !== undefined)
    return (
      <EmptyFeed title="The pictures could not be loaded">
        <p role="alert" class="notice">
          {feed.error}
        </p>
        <button type="button" class="button primary" aria-disabled={feed.isReading} onClick={feed.more}>
          Try again
        </button>
      </EmptyFeed>
    );
  return (
    <section class="page feed">
      <Head />
      <Gallery
        items={all}
        now={now}
        isCovered={open !== undefined}
        onOpen={(jobId) => setOpen({ jobId, from: "gallery" })}
        onBroken={feed.drop}
      />
      <h2 ref={heading} class="wall-head" tabIndex={-1}>
        Latest pictures
      </h2>
      {feed.list.isRead ? (
        <Wall feed={feed} now={now} onOpen={(jobId) => setOpen({ jobId, from: "wall" })} />
      ) : (
        <EmptyWall />
      )}
      <div class="pill-place" role="status">
        {feed.list.waiting.length > 0 && <Pill feed={feed} onClick={showNew} />}
      </div>
      {open && (
        <Lightbox
          items={all}
          jobId={open.jobId}
          now={now}
          onMove={(jobId) => setOpen({ ...open, jobId })}
          onClose={close}
          onBroken={feed.drop}
        />
      )}
    </section>
  );
}

function Head() {
  return (
    <header class="feed-head">
      <h1>Feed</h1>
      <p class="muted">Pictures that people chose to show, as they are made.</p>
    </header>
  );
}

function Pill({ feed: { list }, onClick }: { readonly feed: Feed; readonly onClick: () => void }) {
  const { waiting, restart } = list;
  const count = `${waiting.length}${restart ? " and more" : ""}`;
  return (
    <button type="button" class="pill" onClick={onClick}>
      <Icon name="up" /> {count} new {waiting.length === 1 ? "picture" : "pictures"}
    </button>
  );
}

interface EmptyFeedProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

function EmptyFeed({ title, children }: EmptyFeedProps) {
  return (
    <section class="page feed">
      <Head />
      <div class="nothing">
        <div class="nothing-frame" aria-hidden="true" />
        <h2>{title}</h2>
        {children}
      </div>
    </section>
  );
}
