/** What the parts of this page learn from the browser around them. All of it ends with the part. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** The time, every 20 seconds: milliseconds since 1970. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 20_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** What `look` gives, now and after each `event` of `target`. */
function useLooked<T>(target: EventTarget, event: string, look: () => T): T {
  const [seen, setSeen] = useState(look);
  useEffect(() => {
    const lookAgain = () => setSeen(look);
    lookAgain();
    target.addEventListener(event, lookAgain);
    return () => target.removeEventListener(event, lookAgain);
  }, []);
  return seen;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether the visitor wants little motion. */
export const useIsCalm = (): boolean => useLooked(calm, "change", () => calm.matches);

export const useIsTabVisible = (): boolean => useLooked(document, "visibilitychange", () => !document.hidden);

/** Whether `element` is within the window. */
export function useIsInSight(element: RefObject<HTMLElement | null>): boolean {
  const [isInSight, setIsInSight] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) =>
      setIsInSight(entries.at(-1)?.isIntersecting === true),
    );
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return isInSight;
}

/** The width of `element` in pixels, known before anything is painted. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(element.current!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Pixels that a finger goes at least. */
const FAR = 44;

/**
 * Handlers for an element that call `move` with 1 after a swipe to the left, -1 after one to the right; its
 * `touch-action` must be pan-y.
 */
export function useSwipe(move: (by: 1 | -1) => void) {
  const start = useRef<PointerEvent | undefined>(undefined);
  return {
    onPointerDown: (event: PointerEvent) => {
      start.current = event.pointerType === "mouse" ? undefined : event;
    },
    onPointerUp: (event: PointerEvent) => {
      const from = start.current;
      start.current = undefined;
      if (from === undefined || from.pointerId !== event.pointerId) return;
      const [dx, dy] = [event.clientX - from.clientX, event.clientY - from.clientY];
      if (Math.abs(dx) > FAR && Math.abs(dx) > 2 * Math.abs(dy)) move(dx < 0 ? 1 : -1);
    },
    onPointerCancel: () => {
      start.current = undefined;
    },
  };
}
