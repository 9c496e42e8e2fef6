import "./picture-input.css";
import { useEffect } from "preact/hooks";
import { Icon, Notice } from "../parts.tsx";
import { FileButton } from "./file-button.tsx";
import type { ChosenPicture, PictureField } from "./picture-file.ts";
import { sizeText } from "./sizes.ts";

const PROBLEM = "picture-problem";

interface PictureInputProps {
  readonly field: PictureField;
  /** Whether a file that would become the picture is over the page. */
  readonly isOver: boolean;
}

/** The picture to paint: a place to put one, or the one that is there. */
export function PictureInput({ field, isOver }: PictureInputProps) {
  const { picture, problem, isReading } = field;
  useEffect(() => {
    if (problem !== undefined) document.getElementById(PROBLEM)?.scrollIntoView({ block: "nearest" });
  }, [problem]);
  return (
    <fieldset class="picture" aria-busy={isReading}>
      <legend>
        <h2>Your picture</h2>
      </legend>
      {picture ? (
        <Mounted picture={picture} field={field} isOver={isOver} />
      ) : (
        <EmptyPlace field={field} isOver={isOver} />
      )}
      <Notice id={PROBLEM} text={problem} />
    </fieldset>
  );
}

function EmptyPlace({ field, isOver }: PictureInputProps) {
  const choose = (file: File) => void field.choose(file);
  return (
    <div class={`place ${isOver ? "over" : ""}`}>
      <span class="place-icon">
        <Icon name="picture" />
      </span>
      <p class="place-title">
        {field.isReading ? "Reading…" : isOver ? "Drop it here" : "Start with a picture"}
      </p>
      <p class="muted place-ways">
        A face, a street, a cat. <span>Drop it here, or paste it.</span>
      </p>
      <div class="row place-buttons">
        <FileButton id="picture-file" class="choose" describedBy={PROBLEM} onFile={choose}>
          <Icon name="upload" />
          Choose a picture
        </FileButton>
        <FileButton class="camera" isCamera onFile={choose}>
          <Icon name="camera" />
          Take a photo
        </FileButton>
      </div>
    </div>
  );
}

function Mounted({ picture, field, isOver }: PictureInputProps & { readonly picture: ChosenPicture }) {
  const { name, url, width, height, note } = picture;
  const remove = () => {
    field.replace(undefined);
    requestAnimationFrame(() => document.getElementById("picture-file")?.focus());
  };
  return (
    <figure class={`mounted ${isOver ? "over" : ""}`}>
      <div class="mount">
        <img
          key={url}
          src={url}
          width={width}
          height={height}
          alt={`To be painted: ${name}`}
          draggable={false}
        />
      </div>
      <figcaption>
        <p class="file">
          <span class="file-name">{name}</span> <span class="muted">{sizeText(picture)}</span>
        </p>
        <div class="row">
          <FileButton id="picture-file" describedBy={PROBLEM} onFile={(file) => void field.choose(file)}>
            {field.isReading ? "Reading…" : "Replace"}
          </FileButton>
          <button type="button" class="button plain" onClick={remove}>
            Remove
          </button>
        </div>
        {note && <p class="muted note">{note}</p>}
      </figcaption>
    </figure>
  );
}
