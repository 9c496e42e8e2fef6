/** Signs on the buttons of this page; their names are in words beside them. */
const paths = {
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  pause: "M9 5v14M15 5v14",
  play: "M8 5l11 7-11 7z",
  close: "M6 6l12 12M18 6L6 18",
  download: "M12 4v11m-5-4l5 5 5-5M5 20h14",
  up: "M12 20V5m-6 6l6-6 6 6",
  original: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
} as const;

export function Icon({ name }: { readonly name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
