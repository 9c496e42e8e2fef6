/** The feed as it is now: read page by page, told of what is new, read again after each break of the connection. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { service } from "../service.ts";
import { arrived, continued, emptyList, type FeedList, refreshed, shown, without } from "./feed-list.ts";

const PAGE = 24;
/** Pixels from the top within which nobody minds that the wall moves. */
const TOP = 80;

export interface Feed {
  readonly list: FeedList;
  /** Why the last page did not come. */
  readonly error: string | undefined;
  /** Rises with each connection: what could not be loaded without one may be tried again. */
  readonly connections: number;
  /** Whether an older page is on its way. */
  readonly isReading: boolean;
  /** Reads the page after the last one, or again the one that did not come. */
  readonly more: () => void;
  /** Puts on the wall what waits. */
  readonly show: () => void;
  /** To be called where a picture could not be loaded; true when it was taken out for that. */
  readonly drop: (jobId: string) => boolean;
}

interface Failure {
  readonly message: string;
  /** Of the page that did not come; absent for the newest. */
  readonly cursor: string | undefined;
}

export function useFeed(): Feed {
  const [list, setList] = useState(emptyList);
  const [failure, setFailure] = useState<Failure>();
  const [isReading, setIsReading] = useState(false);
  const [connections, setConnections] = useState(0);
  const present = useRef(list);
  present.current = list;
  const isHere = useRef(true);

  const read = useCallback(async (cursor: string | undefined) => {
    setFailure(undefined);
    try {
      const page = await service.listImages({ limit: PAGE, cursor });
      if (!isHere.current) return;
      setList((now) =>
        cursor === undefined ? refreshed(now, page, isAtTop()) : continuedFrom(now, page, cursor),
      );
    } catch (error) {
      if (isHere.current) setFailure({ message: (error as Error).message, cursor });
    }
  }, []);

  const more = useCallback(async () => {
    service.reconnect();
    setIsReading(true);
    await read(failure ? failure.cursor : present.current.next);
    if (isHere.current) setIsReading(false);
  }, [read, failure]);

  useEffect(() => {
    isHere.current = true;
    const stops = [
      service.onImage((image) => setList((now) => arrived(now, [image], isAtTop()))),
      service.onConnection(({ state }) => {
        if (state !== "connected") return;
        setConnections((count) => count + 1);
        void read(undefined);
      }),
    ];
    return () => {
      isHere.current = false;
      for (const stop of stops) stop();
    };
  }, [read]);

  useAtTop(list.waiting.length > 0, () => setList(shown));
  const show = useCallback(() => setList(shown), []);
  const drop = useCallback((jobId: string) => {
    if (service.connection.state !== "connected") return false; // nothing can be loaded now
    setList((now) => without(now, jobId));
    return true;
  }, []);
  return { list, error: failure?.message, connections, isReading, more, show, drop };
}

/** An answer that comes after the wall was begun anew has nothing to do with it. */
function continuedFrom(list: FeedList, page: Parameters<typeof continued>[1], cursor: string): FeedList {
  return list.next === cursor ? continued(list, page) : list;
}

function isAtTop(): boolean {
  return scrollY < TOP && document.querySelector("dialog[open]") === null;
}

/** Calls `then` once the reader has come to the top, while `isWatched`. */
function useAtTop(isWatched: boolean, then: () => void): void {
  const latest = useRef(then);
  latest.current = then;
  useEffect(() => {
    if (!isWatched) return;
    const look = () => isAtTop() && latest.current();
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, [isWatched]);
}
