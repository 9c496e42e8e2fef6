/**
 * What is painted: the original, previews that improve over it, and at last the result with a handle to compare the
 * two.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { BeforeAfter } from "./before-after.tsx";
import "./stage.css";

export interface PictureStageProps {
  readonly content?: string | undefined;
  readonly preview?: string | undefined;
  readonly result?: string | undefined;
  /** Whether something is being done about it. */
  readonly isAlive: boolean;
  readonly resultAlt: string;
  /** One of the two pictures could not be loaded; once for each failure. */
  readonly onBroken?: () => Promise<unknown>;
}

/** Width by height, until the picture tells its own. */
const FIRST_ASPECT = 4 / 3;

export function PictureStage({ content, preview, result, isAlive, resultAlt, onBroken }: PictureStageProps) {
  const stage = useRef<HTMLElement>(null);
  const [aspect, setAspect] = useState(FIRST_ASPECT);
  const [isPainted, setIsPainted] = useState(false);
  const { isWaiting, isBroken, failed, loaded, again } = useRetry(onBroken);
  const layers = useImproving(preview);
  const hasPreview = layers.some(({ isReady }) => isReady);
  const original = isPainted ? "compared" : isAlive && !hasPreview ? "veiled" : "";
  const arrived = (picture: Picture, image: HTMLImageElement) => {
    setAspect(image.naturalWidth / image.naturalHeight || FIRST_ASPECT);
    loaded(picture);
  };
  return (
    <div class="stage-mat">
      <figure
        ref={stage}
        class={`stage ${isAlive ? "alive" : ""} ${isPainted ? "painted" : ""}`}
        style={{ "--aspect": aspect.toFixed(4) }}
      >
        {result && !isWaiting && (
          <img
            class="stage-result"
            src={result}
            alt={resultAlt}
            draggable={false}
            onLoad={({ currentTarget: image }) =>
              void image.decode().then(
                () => {
                  arrived("result", image);
                  setIsPainted(true);
                },
                () => failed("result"),
              )
            }
            onError={() => failed("result")}
          />
        )}
        {content && !isWaiting && (
          <img
            class={`stage-content ${original}`}
            src={content}
            alt="The original"
            draggable={false}
            onLoad={({ currentTarget }) => arrived("content", currentTarget)}
            onError={() => failed("content")}
          />
        )}
        {!isPainted &&
          layers.map(({ src, isReady, onReady, onFailed }) => (
            <img
              key={src}
              class={`stage-preview ${isReady ? "ready" : ""}`}
              src={src}
              alt={isReady ? "As far as it is painted" : ""}
              draggable={false}
              onLoad={({ currentTarget }) => void currentTarget.decode().then(onReady, onFailed)}
              onError={onFailed}
            />
          ))}
        {isPainted && content && !isBroken && <BeforeAfter stage={stage} />}
        {isBroken && (
          <div class="stage-broken">
            <p>The picture could not be loaded.</p>
            <button type="button" class="button" onClick={again}>
              Load it again
            </button>
          </div>
        )}
      </figure>
    </div>
  );
}

type Picture = "content" | "result";

/** One new try by itself for each failure, with what is asked for anew; after that it is the reader's. */
function useRetry(onBroken: (() => Promise<unknown>) | undefined) {
  const [isWaiting, setIsWaiting] = useState(false);
  const [isBroken, setIsBroken] = useState(false);
  const lacking = useRef<Picture | undefined>(undefined);
  const again = async () => {
    setIsBroken(false);
    setIsWaiting(true); // the pictures leave the page and come back as new ones
    await onBroken?.();
    setIsWaiting(false);
  };
  return {
    isWaiting,
    isBroken,
    again: () => void again(),
    failed: (picture: Picture) => {
      if (lacking.current !== undefined) return setIsBroken(true);
      lacking.current = picture;
      void again();
    },
    loaded: (picture: Picture) => {
      if (lacking.current === picture) lacking.current = undefined;
    },
  };
}

export interface Layer {
  readonly src: string;
  /** Loaded and decoded: it may be seen. */
  readonly isReady: boolean;
  readonly onReady: () => void;
  readonly onFailed: () => void;
}

/** Milliseconds between two previews: longer than their cross-fade. */
const PACE_MS = 1200;

/** The last one that is ready and, over it, the one that is being loaded or has just become ready. */
export function useImproving(src: string | undefined): readonly Layer[] {
  const [layers, setLayers] = useState<readonly Layer[]>([]);
  const [isFree, setIsFree] = useState(true);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (src === undefined || !isFree || layers.some((layer) => layer.src === src)) return;
    setIsFree(false);
    const freeSoon = () => {
      timer.current = setTimeout(() => setIsFree(true), PACE_MS);
    };
    const layer: Layer = {
      src,
      isReady: false,
      onReady: () => {
        setLayers((all) => all.map((one) => (one.src === src ? { ...one, isReady: true } : one)));
        freeSoon();
      },
      onFailed: () => {
        setLayers((all) => all.filter((one) => one.src !== src));
        freeSoon();
      },
    };
    setLayers((all) => [...all.slice(-1), layer]);
  }, [src, isFree]);
  return layers;
}
