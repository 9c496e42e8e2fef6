/** Whether this browser can paint by itself; the code for that is loaded apart from the page. */
import { useEffect, useState } from "preact/hooks";

export interface LocalEngine {
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Pixels of the long side of the largest result. */
  readonly maxSize: number;
}

/** Undefined where it can't, and while that is not known. `isOffered`: whether the site offers a network of its own. */
export function useLocalEngine(isOffered: boolean): LocalEngine | undefined {
  const [engine, setEngine] = useState<LocalEngine>();
  useEffect(() => {
    if (!("gpu" in navigator)) return;
    let isLatest = true;
    import("../local/local-engine.ts")
      .then(({ canRunHere }) => canRunHere(isOffered))
      .then(
        (found) => isLatest && setEngine(found),
        () => {}, // then the service does it
      );
    return () => {
      isLatest = false;
    };
  }, [isOffered]);
  return engine;
}
