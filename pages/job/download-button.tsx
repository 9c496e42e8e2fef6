import { useState } from "preact/hooks";
import { pictureName, save } from "./saving.ts";

export interface DownloadButtonProps {
  readonly picture: () => Promise<Blob>;
  /** Of the file's name. */
  readonly style: string | undefined;
  readonly id: string;
  readonly onProblem: (sentence: string | undefined) => void;
}

export function DownloadButton({ picture, style, id, onProblem }: DownloadButtonProps) {
  const [isBusy, setIsBusy] = useState(false);
  const download = async () => {
    setIsBusy(true);
    onProblem(undefined);
    try {
      save(await picture(), pictureName(style, id));
    } catch {
      onProblem("The picture could not be downloaded; try again in a moment.");
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <button type="button" class="button primary" disabled={isBusy} onClick={() => void download()}>
      {isBusy ? "Downloading…" : "Download"}
    </button>
  );
}
