/** Fingers that wipe over a picture. */
import { useRef } from "preact/hooks";

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
