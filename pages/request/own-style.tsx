import { Icon } from "../icons.tsx";
import { Notice } from "../notice.tsx";
import { FileButton } from "./file-button.tsx";
import { sizeText } from "./sizes.ts";
import type { PictureField } from "./use-picture.ts";

interface OwnStyleTileProps {
  readonly own: PictureField;
  readonly isChosen: boolean;
  readonly isOver: boolean;
  readonly onChoose: () => void;
}

/** The tile of the style that is the visitor's own picture. */
export function OwnStyleTile({ own, isChosen, isOver, onChoose }: OwnStyleTileProps) {
  // Who points at the tile wants to bring a picture; keys only pass by.
  const open = ({ detail: clicks }: MouseEvent) => {
    if (clicks > 0 && !own.picture) document.getElementById("own-style-file")?.click();
  };
  return (
    <label class={`tile own ${isOver ? "over" : ""}`} data-drop="style">
      <input type="radio" name="style" class="cover" checked={isChosen} onClick={open} onChange={onChoose} />
      <span class="tile-picture">
        {own.picture ? <img src={own.picture.url} alt="" draggable={false} /> : <Icon name="plus" />}
        <span class="tile-check">
          <Icon name="check" />
        </span>
      </span>
      <span class="tile-name">Your own</span>
    </label>
  );
}

/** Where the visitor's own style is chosen, once its tile is. */
export function OwnStylePanel({ own, isChosen, isOver }: Omit<OwnStyleTileProps, "onChoose">) {
  const { picture, problem, isReading } = own;
  return (
    <div class={`own-panel ${isOver ? "over" : ""}`} data-drop="style" hidden={!isChosen}>
      {picture ? (
        <p class="file">
          <span class="file-name">{picture.name}</span> <span class="muted">{sizeText(picture)}</span>
        </p>
      ) : (
        <p class="muted">Any picture can be a style: a painting, a fabric, a wall.</p>
      )}
      <FileButton
        id="own-style-file"
        describedBy="own-style-problem"
        onFile={(file) => void own.choose(file)}
      >
        {isReading ? "Reading…" : picture ? "Replace style" : "Choose a style"}
      </FileButton>
      {picture && (
        <button type="button" class="button plain" onClick={() => own.replace(undefined)}>
          Remove style
        </button>
      )}
      <Notice id="own-style-problem" text={problem} />
    </div>
  );
}
