/** Whether this browser can paint by itself; the code for that is loaded apart from the page. */
import { useEffect, useState } from "preact/hooks";

export interface LocalEngine {
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Pixels of the long side of the largest result. */
  readonly maxSize: number;
}

/** Undefined where it can't, and while that is not known. */
export function useLocalEngine(): LocalEngine | undefined {
  const [engine, setEngine] = useState<LocalEngine>();
  useEffect(() => {
    if (!("gpu" in navigator)) return;
    import("../local/local-engine.ts").then(({ canRunHere }) => canRunHere()).then(setEngine, () => {}); // then the service does it
  }, []);
  return engine;
}
