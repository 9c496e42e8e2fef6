/** Pictures that are dropped anywhere on the page, or pasted. */
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * Which picture a file becomes: parts of the page that are marked `data-drop="style"` take styles, the rest of it the
 * picture.
 */
export type DropTarget = "picture" | "style";

/** Browsers tell of a drag that goes on at least this often, in milliseconds, but not reliably of its end. */
const DRAG_MS = 500;

/** Returns what a file would become that is over the page now. */
export function useDrop(onFile: (file: File, target: DropTarget) => void): DropTarget | undefined {
  const [target, setTarget] = useState<DropTarget>();
  const latest = useRef(onFile);
  latest.current = onFile;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      setTarget(targetOf(event.target));
      clearTimeout(timer);
      timer = setTimeout(() => setTarget(undefined), DRAG_MS);
    };
    const drop = (event: DragEvent) => {
      clearTimeout(timer);
      setTarget(undefined);
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
      take(event.dataTransfer, targetOf(event.target));
    };
    const paste = (event: ClipboardEvent) => take(event.clipboardData, targetOf(document.activeElement));
    const take = (data: DataTransfer | null, to: DropTarget) => {
      const files = [...(data?.files ?? [])];
      const file = files.find(({ type }) => type.startsWith("image/")) ?? files[0];
      if (file) latest.current(file, to);
    };
    const stop = new AbortController();
    const { signal } = stop;
    addEventListener("dragover", over, { signal });
    addEventListener("drop", drop, { signal });
    addEventListener("paste", paste, { signal });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, []);
  return target;
}

function targetOf(place: EventTarget | null): DropTarget {
  return place instanceof Element && place.closest('[data-drop="style"]') ? "style" : "picture";
}
