/** The service's styles, all pages of them. */
import { useCallback, useEffect, useState } from "preact/hooks";
import type { StyleItem } from "../../client/index.ts";
import { service } from "../service.ts";

export interface StyleList {
  readonly styles: readonly StyleItem[];
  readonly state: "loading" | "complete" | "failed";
  /** Asks anew. */
  readonly reload: () => void;
}

/** Shown at once on the next visit, while it is asked again. */
let known: readonly StyleItem[] = [];

export function useStyles(): StyleList {
  const [styles, setStyles] = useState(known);
  const [state, setState] = useState<StyleList["state"]>("loading");
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isOver = false;
    const load = async () => {
      const found: StyleItem[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await service.listStyles({ limit: 100, cursor });
        if (isOver) return;
        found.push(...page.styles);
        if (found.length > known.length || page.next === undefined) setStyles([...found]);
        cursor = page.next;
        if (cursor === undefined) break;
      }
      known = found;
      setState("complete");
    };
    setState("loading");
    load().catch(() => !isOver && setState("failed"));
    return () => {
      isOver = true;
    };
  }, [attempt]);
  const reload = useCallback(() => setAttempt((last) => last + 1), []);
  return { styles, state, reload };
}
