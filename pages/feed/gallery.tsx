/** The newest pictures, one at a time, each with its original: by themselves or as the visitor wishes. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ImageItem } from "../../client/index.ts";
import { Icon } from "../parts.tsx";
import { styleTitle } from "../words.ts";
import { altOf, Made } from "./captions.tsx";
import { useIsCalm, useIsInSight, useIsTabVisible, useSwipe } from "./hooks.ts";
import { type Slide, useGallery } from "./use-gallery.ts";

export interface GalleryProps {
  /** The newest first. */
  readonly items: readonly ImageItem[];
  readonly now: number;
  /** Whether something else has the visitor's attention. */
  readonly isCovered: boolean;
  readonly onOpen: (jobId: string) => void;
  readonly onBroken: (jobId: string) => boolean;
}

export function Gallery({ items, now, isCovered, onOpen, onBroken }: GalleryProps) {
  const region = useRef<HTMLElement>(null);
  const { isPlaying, isHeld, toggle, holders } = usePlaying();
  const isSeen = [useIsTabVisible(), useIsInSight(region), !isCovered].every(Boolean);
  const isRunning = isPlaying && !isHeld && isSeen;
  const { slide, leaving, move, places } = useGallery({ items, isRunning, onBroken });
  const [said, setSaid] = useState("");
  const isAlone = places < 2;

  const walk = async (by: 1 | -1) => {
    const next = await move(by);
    if (next) setSaid(altOf(next.item, now));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || isAlone) return;
    if (event.key === "ArrowRight") void walk(1);
    else if (event.key === "ArrowLeft") void walk(-1);
    else if (event.key === " " && event.target === region.current) toggle();
    else return;
    event.preventDefault();
  };

  return (
    <section
      ref={region}
      class="gallery"
      aria-label="Gallery"
      aria-roledescription="carousel"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys and space are for the gallery as a whole
      tabIndex={0}
      onKeyDown={onKeyDown}
      {...holders}
    >
      <div class="gallery-stage" {...useSwipe((by) => void (isAlone || walk(by)))}>
        {slide && (
          <button
            type="button"
            class="gallery-view"
            aria-label={`Enlarge: ${altOf(slide.item, now)}`}
            onClick={() => onOpen(slide.item.jobId)}
          >
            {leaving && <Hung key={leaving.item.jobId} slide={leaving} isLeaving />}
            <Hung key={slide.item.jobId} slide={slide} />
          </button>
        )}
        {!slide && <div class="skeleton gallery-empty" />}
      </div>
      <div class="gallery-label">
        {slide ? <Label slide={slide} now={now} /> : <div class="skeleton gallery-text" />}
        <div class="gallery-controls" hidden={isAlone}>
          <button type="button" class="round" aria-label="Previous picture" onClick={() => void walk(-1)}>
            <Icon name="previous" />
          </button>
          <button type="button" class="round" aria-label={isPlaying ? "Pause" : "Play"} onClick={toggle}>
            <Icon name={isPlaying ? "pause" : "play"} />
          </button>
          <button type="button" class="round" aria-label="Next picture" onClick={() => void walk(1)}>
            <Icon name="next" />
          </button>
          <span class="gallery-time" aria-hidden="true">
            {isRunning && !isAlone && <span key={slide?.item.jobId} />}
          </span>
        </div>
      </div>
      <p class="sr-only" aria-live="polite">
        {said}
      </p>
    </section>
  );
}

/**
 * Whether the gallery goes on by itself: not where the visitor wants little motion, and not while it is looked at or
 * used.
 */
function usePlaying() {
  const isCalm = useIsCalm();
  const [isPlaying, setIsPlaying] = useState(!isCalm);
  const [isHeld, setIsHeld] = useState(false);
  useEffect(() => setIsPlaying(!isCalm), [isCalm]);
  return {
    isPlaying,
    isHeld,
    toggle: () => {
      setIsPlaying(!isPlaying);
      setIsHeld(false); // who presses Play wants to see it play, though the pointer is still there
    },
    holders: {
      onPointerEnter: ({ pointerType }: PointerEvent) => pointerType === "mouse" && setIsHeld(true),
      onPointerLeave: () => setIsHeld(false),
      onFocusIn: ({ target }: FocusEvent) => (target as Element).matches(":focus-visible") && setIsHeld(true),
      onFocusOut: () => setIsHeld(false),
    },
  };
}

/** A picture on its wall. It was decoded before: there is no moment without it. */
function Hung({ slide, isLeaving }: { readonly slide: Slide; readonly isLeaving?: boolean }) {
  const { item, ratio } = slide;
  return (
    <span class={isLeaving ? "hung leaving" : "hung"} style={{ "--ratio": ratio }}>
      <img src={item.result} alt="" decoding="sync" />
    </span>
  );
}

function Label({ slide, now }: { readonly slide: Slide; readonly now: number }) {
  const { item, ratio, hasOriginal } = slide;
  return (
    <>
      <div class="gallery-words">
        <p class="eyebrow">In the style of</p>
        <h2 class="gallery-title">{styleTitle(item.style)}</h2>
        <p>
          <Made item={item} now={now} />
        </p>
      </div>
      {hasOriginal && (
        <figure class="gallery-original" key={item.jobId} style={{ "--ratio": ratio }}>
          <img src={item.content} alt="The original" decoding="sync" />
          <figcaption class="muted">The original</figcaption>
        </figure>
      )}
    </>
  );
}
