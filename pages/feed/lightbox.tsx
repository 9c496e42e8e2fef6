/** One picture as large as the window, with the one that it was made of; from here to those beside it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ImageItem } from "../../client/index.ts";
import { Icon } from "../parts.tsx";
import { styleTitle } from "../words.ts";
import { altOf, Made } from "./captions.tsx";
import { useSwipe } from "./hooks.ts";

export interface LightboxProps {
  /** The newest first. */
  readonly items: readonly ImageItem[];
  readonly jobId: string;
  readonly now: number;
  readonly onMove: (jobId: string) => void;
  readonly onClose: () => void;
  readonly onBroken: (jobId: string) => void;
}

export function Lightbox({ items, jobId, now, onMove, onClose, onBroken }: LightboxProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOriginal, setIsOriginal] = useState(false);
  const [hasOriginal, setHasOriginal] = useState(true);
  const at = items.findIndex((item) => item.jobId === jobId);
  const place = useRef(at);
  if (at >= 0) place.current = at;

  const moveTo = (index: number) => {
    const item = items[index];
    if (item === undefined) return;
    setIsOriginal(false);
    setHasOriginal(true);
    onMove(item.jobId);
  };
  useEffect(() => dialog.current!.showModal(), []);
  useEffect(() => {
    if (at >= 0) return; // gone: the one that took its place
    if (items.length === 0) dialog.current!.close();
    else moveTo(Math.min(place.current, items.length - 1));
  });
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === "ArrowRight") moveTo(at + 1);
    if (key === "ArrowLeft") moveTo(at - 1);
  };
  const swipe = useSwipe((by) => moveTo(at + by));
  const item = items[at];

  return (
    <dialog ref={dialog} class="lightbox" aria-label="Picture" onClose={onClose} onKeyDown={onKeyDown}>
      <button
        type="button"
        class="round lightbox-close"
        aria-label="Close"
        onClick={() => dialog.current!.close()}
      >
        <Icon name="close" />
      </button>
      <div class="lightbox-stage" {...swipe}>
        {item && (
          <Pair
            key={item.jobId}
            item={item}
            alt={altOf(item, now)}
            isOriginal={isOriginal}
            onBroken={() => onBroken(item.jobId)}
            onOriginalBroken={() => setHasOriginal(false)}
          />
        )}
      </div>
      {item && (
        <div class="lightbox-bar">
          <p class="lightbox-words" aria-live="polite">
            <span class="lightbox-title">{styleTitle(item.style)}</span>
            <Made item={item} now={now} />
          </p>
          <Walk name="previous" isEnd={at === 0} onClick={() => moveTo(at - 1)} />
          <Walk name="next" isEnd={at === items.length - 1} onClick={() => moveTo(at + 1)} />
          <div class="lightbox-actions">
            {hasOriginal && (
              <button
                type="button"
                class="button"
                aria-pressed={isOriginal}
                onClick={() => setIsOriginal(!isOriginal)}
              >
                <Icon name="original" /> Original
              </button>
            )}
            <a class="button" href={item.result} download={fileNameOf(item)} target="_blank" rel="noopener">
              <Icon name="download" /> Download
            </a>
          </div>
        </div>
      )}
    </dialog>
  );
}

interface WalkProps {
  readonly name: "previous" | "next";
  readonly isEnd: boolean;
  readonly onClick: () => void;
}

/** At an end it stays where it is: the focus must not get lost. */
function Walk({ name, isEnd, onClick }: WalkProps) {
  const label = name === "next" ? "Next picture" : "Previous picture";
  return (
    <button type="button" class={`round ${name}`} aria-label={label} aria-disabled={isEnd} onClick={onClick}>
      <Icon name={name} />
    </button>
  );
}

interface PairProps {
  readonly item: ImageItem;
  readonly alt: string;
  readonly isOriginal: boolean;
  readonly onBroken: () => void;
  readonly onOriginalBroken: () => void;
}

/** Both pictures in one frame, which has the painting's shape as soon as that is known. */
function Pair({ item, alt, isOriginal, onBroken, onOriginalBroken }: PairProps) {
  const [ratio, setRatio] = useState<number>();
  const onLoad = ({ currentTarget }: { readonly currentTarget: HTMLImageElement }) =>
    setRatio(currentTarget.naturalWidth / currentTarget.naturalHeight);
  return (
    <span class={ratio === undefined ? "hung is-coming" : "hung"} style={{ "--ratio": ratio ?? 1 }}>
      <img src={item.result} alt={isOriginal ? "" : alt} onLoad={onLoad} onError={onBroken} />
      <img
        class="hung-original"
        src={item.content}
        alt={isOriginal ? "The original" : ""}
        hidden={!isOriginal}
        onError={onOriginalBroken}
      />
    </span>
  );
}

/** What the file is called on the visitor's disk. */
function fileNameOf({ style, jobId }: ImageItem): string {
  return `${style?.replace(/\.[a-z]+$/, "") ?? "painting"}-${jobId.slice(0, 6)}.png`;
}
