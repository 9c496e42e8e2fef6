/**
 * Previews one over the other: the next one is fetched when the last has been seen for a while, however fast they come.
 */
import { useEffect, useRef, useState } from "preact/hooks";

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
