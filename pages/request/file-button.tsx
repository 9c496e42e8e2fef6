import type { ComponentChildren } from "preact";

interface FileButtonProps {
  readonly id?: string;
  readonly class?: string;
  /** A phone's camera instead of its files. */
  readonly isCamera?: boolean;
  readonly describedBy?: string;
  readonly onFile: (file: File) => void;
  readonly children: ComponentChildren;
}

/** A button that lets a visitor choose a picture. */
export function FileButton(props: FileButtonProps) {
  const { id, class: more = "", isCamera, describedBy, onFile, children } = props;
  const take = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = ""; // so that the same file can be chosen again
    if (file) onFile(file);
  };
  return (
    <label class={`button ${more}`}>
      <input
        id={id}
        class="sr-only"
        type="file"
        accept="image/*"
        capture={isCamera ? "environment" : undefined}
        aria-describedby={describedBy}
        onChange={(event) => take(event.currentTarget)}
      />
      {children}
    </label>
  );
}
