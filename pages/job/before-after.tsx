/**
 * The handle between the original and what was made of it: a range for keys, dragged with a mouse or a finger anywhere
 * on the picture.
 */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** Percent of the original that is seen: all at first, then it makes way. */
const START = 100;
const REST = 38;
/** Pixels after which a finger's movement is no tap. */
const SLACK = 4;

export function BeforeAfter({ stage }: { readonly stage: RefObject<HTMLElement | null> }) {
  const [cut, setCut] = useState(START);
  const [isDragged, setIsDragged] = useState(false);
  useEffect(() => {
    const frame = requestAnimationFrame(() => setCut(REST));
    return () => cancelAnimationFrame(frame);
  }, []);
  useEffect(() => {
    stage.current?.style.setProperty("--cut", `${cut}%`);
    stage.current?.classList.toggle("dragged", isDragged);
  }, [cut, isDragged]);
  const drag = useDrag(setCut, setIsDragged);
  return (
    <div class="compare" {...drag}>
      <input
        type="range"
        class="cover"
        min="0"
        max="100"
        value={Math.round(cut)}
        aria-label="Compare with the original"
        aria-valuetext={`${Math.round(cut)} percent original, ${Math.round(100 - cut)} percent painted`}
        onInput={({ currentTarget }) => setCut(currentTarget.valueAsNumber)}
      />
      <span class={`tag compare-label left ${cut < 22 ? "away" : ""}`} aria-hidden="true">
        Original
      </span>
      <span class={`tag compare-label right ${cut > 78 ? "away" : ""}`} aria-hidden="true">
        Painted
      </span>
      <span class="compare-handle">
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <path d="M9 6 3 12l6 6M15 6l6 6-6 6" />
        </svg>
      </span>
    </div>
  );
}

/**
 * A mouse takes the handle at once; a finger once it moves sideways, so that scrolling over the picture changes
 * nothing.
 */
function useDrag(setCut: (cut: number) => void, setIsDragged: (isDragged: boolean) => void) {
  const start = useRef<{ readonly id: number; readonly x: number; isMoving: boolean } | undefined>(undefined);
  const follow = (event: PointerEvent & { readonly currentTarget: HTMLElement }) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setCut(Math.min(Math.max((100 * (event.clientX - left)) / width, 0), 100));
  };
  const end = () => {
    start.current = undefined;
    setIsDragged(false);
  };
  return {
    onPointerDown(event: PointerEvent & { readonly currentTarget: HTMLElement }) {
      if (event.button !== 0 || !event.isPrimary) return;
      event.currentTarget.querySelector("input")?.focus({ preventScroll: true });
      event.preventDefault(); // the focus stays on the range
      event.currentTarget.setPointerCapture(event.pointerId);
      start.current = { id: event.pointerId, x: event.clientX, isMoving: event.pointerType === "mouse" };
      if (start.current.isMoving) follow(event);
    },
    onPointerMove(event: PointerEvent & { readonly currentTarget: HTMLElement }) {
      const { current } = start;
      if (current?.id !== event.pointerId) return;
      if (!current.isMoving && Math.abs(event.clientX - current.x) < SLACK) return;
      current.isMoving = true;
      setIsDragged(true);
      follow(event);
    },
    onPointerUp(event: PointerEvent & { readonly currentTarget: HTMLElement }) {
      if (start.current?.id !== event.pointerId) return;
      follow(event); // a tap, too
      end();
    },
    onPointerCancel: end,
  };
}
