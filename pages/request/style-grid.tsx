import "./style-grid.css";
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { StyleItem } from "../../client/index.ts";
import { Icon, Notice } from "../parts.tsx";
import { styleTitle } from "../words.ts";
import { FileButton } from "./file-button.tsx";
import type { PictureField } from "./picture-file.ts";
import { sizeText } from "./sizes.ts";
import { OWN } from "./use-choices.ts";
import type { StyleList } from "./use-styles.ts";

interface StyleGridProps {
  readonly list: StyleList;
  readonly own: PictureField;
  readonly value: string;
  readonly problem: string | undefined;
  /** Whether a file that would become the style is over the page. */
  readonly isOver: boolean;
  readonly onChange: (style: string) => void;
}

/** Tiles that are shown before one asks for all: what is below them should not be out of reach. */
const FEW = 11;

/** The styles that there are, and a place for one's own. */
export function StyleGrid({ list, own, value, problem, isOver, onChange }: StyleGridProps) {
  const { styles, state, reload } = list;
  const [isOpen, setIsOpen] = useState(false);
  const isFar = styles.findIndex(({ name }) => name === value) >= FEW;
  const shown = isOpen || isFar ? styles : styles.slice(0, FEW);
  const grid = useRef<HTMLDivElement>(null);
  const open = () => {
    setIsOpen(true);
    // the button, which had the focus, is gone: it goes to the first tile that has come
    requestAnimationFrame(() =>
      grid.current?.querySelectorAll<HTMLInputElement>("input[type=radio]")[FEW + 1]?.focus(),
    );
  };
  const isWaiting = state === "loading" && styles.length === 0;
  return (
    <fieldset class="styles" aria-describedby="style-problem" aria-busy={isWaiting}>
      <legend>
        <h2>Style</h2>
      </legend>
      <Notice id="style-problem" text={problem} />
      <div class="tiles" ref={grid}>
        <OwnStyleTile own={own} isChosen={value === OWN} isOver={isOver} onChoose={() => onChange(OWN)} />
        <OwnStylePanel own={own} isChosen={value === OWN} isOver={isOver} />
        {shown.map((style) => (
          <Tile
            key={style.name}
            style={style}
            isChosen={style.name === value}
            onChoose={() => onChange(style.name)}
          />
        ))}
        {isWaiting && [1, 2, 3].map((i) => <div key={i} class="tile blank" aria-hidden="true" />)}
      </div>
      {shown.length < styles.length && (
        <button type="button" class="button all" onClick={open}>
          Show all {styles.length} styles
        </button>
      )}
      {state === "complete" && styles.length === 0 && (
        <p class="muted">There are no styles here yet. Bring one of your own: any picture can be one.</p>
      )}
      {state === "failed" && (
        <div class="row">
          <Notice text="The styles could not be loaded." />
          <button type="button" class="button" onClick={reload}>
            Load styles again
          </button>
        </div>
      )}
    </fieldset>
  );
}

interface TileProps {
  readonly style: StyleItem;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function Tile({ style, isChosen, onChoose }: TileProps) {
  const [isBroken, setIsBroken] = useState(false);
  return (
    <label class="tile">
      <input type="radio" name="style" class="cover" checked={isChosen} onChange={onChoose} />
      <TileFace title={styleTitle(style.name)}>
        {isBroken ? (
          <Icon name="picture" />
        ) : (
          <img
            src={style.url}
            alt=""
            loading="lazy"
            decoding="async"
            draggable={false}
            onError={() => setIsBroken(true)}
          />
        )}
      </TileFace>
    </label>
  );
}

function TileFace({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <>
      <span class="tile-picture">
        {children}
        <span class="tile-check">
          <Icon name="check" />
        </span>
      </span>
      <span class="tile-name">{title}</span>
    </>
  );
}

interface OwnStyleTileProps {
  readonly own: PictureField;
  readonly isChosen: boolean;
  readonly isOver: boolean;
  readonly onChoose: () => void;
}

/** The tile of the style that is the visitor's own picture. */
function OwnStyleTile({ own, isChosen, isOver, onChoose }: OwnStyleTileProps) {
  // Who points at the tile wants to bring a picture; keys only pass by.
  const open = ({ detail: clicks }: MouseEvent) => {
    if (clicks > 0 && !own.picture) document.getElementById("own-style-file")?.click();
  };
  return (
    <label class={`tile own ${isOver ? "over" : ""}`} data-drop="style">
      <input type="radio" name="style" class="cover" checked={isChosen} onClick={open} onChange={onChoose} />
      <TileFace title="Your own">
        {own.picture ? <img src={own.picture.url} alt="" draggable={false} /> : <Icon name="plus" />}
      </TileFace>
    </label>
  );
}

/** Where the visitor's own style is chosen, once its tile is. */
function OwnStylePanel({ own, isChosen, isOver }: Omit<OwnStyleTileProps, "onChoose">) {
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
