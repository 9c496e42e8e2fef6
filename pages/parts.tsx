/** Small parts that many pages are made of. */

/** Line drawings of 24 pixels, in the colour of the text around them; what they mean is in words beside them. */
const paths = {
  picture: "M4 5.5h16v13H4zM4 16l4.5-4.5 3.5 3.5 3-3 5 5M15.5 9.5h.01",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v10.5H4zM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  upload: "M12 15.5V5M7.5 9 12 4.5 16.5 9M5 15.5v3.5h14v-3.5",
  lock: "M6.5 11h11v8.5h-11zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  globe: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM3.5 12h17M12 3.5c5 5 5 12 0 17c-5-5-5-12 0-17",
  machines: "M4.5 5h15v6h-15zM4.5 13h15v6h-15zM8 8h.01M8 16h.01M12 8h4M12 16h4",
  chip: "M7.5 7.5h9v9h-9zM10 4v3.5M14 4v3.5M10 16.5V20M14 16.5V20M4 10h3.5M4 14h3.5M16.5 10H20M16.5 14H20",
  plus: "M12 5.5v13M5.5 12h13",
  check: "M6 12.5l4 4 8-9",
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

/** What went wrong, at the place where it went wrong: read out when it appears. */
export function Notice({ id, text }: { readonly id?: string; readonly text: string | undefined }) {
  return (
    <div id={id} role="alert">
      {text && <p class="notice">{text}</p>}
    </div>
  );
}
