import "./option-fields.css";
import type { ComponentChildren } from "preact";
import type { Size } from "../../engine/picture.ts";
import { strengths } from "../../protocol/protocol.ts";
import type { LocalAdapter } from "../local/local-engine.ts";
import { Icon, Notice } from "../parts.tsx";
import { effectiveSize, isSpare, resultSize, type SizeName, sizeNames, sizeText } from "./sizes.ts";
import type { Choices } from "./use-choices.ts";

interface OptionProps {
  readonly choices: Choices;
  readonly onChange: (change: Partial<Choices>) => void;
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

export function StrengthField({ choices, onChange }: OptionProps) {
  return (
    <RadioGroup
      legend="Strength"
      name="strength"
      look="strip"
      value={choices.strength}
      choices={strengths.map((value) => ({ value, label: capital(value) }))}
      onChange={(strength) => onChange({ strength })}
    >
      <p class="muted hint">{strengthHints[choices.strength]}</p>
    </RadioGroup>
  );
}

const strengthHints = {
  gentle: "Your picture first, with a touch of the style.",
  balanced: "Both are easy to recognize.",
  bold: "The style first; details of your picture give way.",
} as const;

interface SizeFieldProps extends OptionProps {
  readonly picture: Size | undefined;
  /** Pixels of the long side of the largest result. */
  readonly max: number;
}

export function SizeField({ choices, onChange, picture, max }: SizeFieldProps) {
  const sizeChoice = (value: SizeName): Choice<SizeName> => {
    if (!picture) return { value, label: capital(value) };
    const isDisabled = isSpare(picture, value, max);
    if (isDisabled) return { value, label: capital(value), isDisabled };
    return { value, label: capital(value), detail: sizeText(resultSize(picture, value, max)) };
  };
  return (
    <RadioGroup
      legend="Size"
      name="size"
      look="strip"
      value={effectiveSize(picture, choices.size, max)}
      choices={sizeNames.map(sizeChoice)}
      onChange={(size) => onChange({ size })}
    >
      <p class="muted hint">{sizeHint(picture, max)}</p>
    </RadioGroup>
  );
}

function sizeHint(picture: Size | undefined, max: number): string {
  if (!picture || !isSpare(picture, "medium", max)) return "The larger, the longer it takes.";
  const isWhole = Math.max(picture.width, picture.height) <= max;
  return isWhole ? "As large as your picture is; nothing is enlarged." : "As large as it can be there.";
}

export function PlaceField({ choices, onChange, engine }: OptionProps & { readonly engine: LocalAdapter }) {
  const here = engine.isSoftware
    ? "Nothing is uploaded. Without a graphics card it will be slow."
    : "Nothing is uploaded. Keep this page open meanwhile.";
  return (
    <RadioGroup
      legend="Where it is painted"
      name="place"
      look="cards"
      value={choices.isLocal ? "here" : "service"}
      choices={[
        {
          value: "service",
          label: "On our machines",
          detail: "You can close this page meanwhile.",
          icon: "machines",
        },
        { value: "here", label: "On my GPU", detail: here, icon: "chip" },
      ]}
      onChange={(place) => onChange({ isLocal: place === "here" })}
    />
  );
}

export function PrivacyField({ choices, onChange }: OptionProps) {
  return (
    <RadioGroup
      legend="Who sees it"
      name="privacy"
      look="cards"
      value={choices.isPrivate ? "private" : "public"}
      choices={[
        {
          value: "private",
          label: "Private",
          detail: "Only you see it, by links that hold for minutes.",
          icon: "lock",
        },
        {
          value: "public",
          label: "Public",
          detail: "Shown to everyone in the feed, with your original beside it.",
          icon: "globe",
        },
      ]}
      onChange={(privacy) => onChange({ isPrivate: privacy === "private" })}
    />
  );
}

interface MoreFieldsProps extends OptionProps {
  readonly maxSteps: number;
  readonly problem: string | undefined;
}

export function MoreFields({ choices, onChange, maxSteps, problem }: MoreFieldsProps) {
  return (
    <details class="more" open={problem !== undefined || undefined}>
      <summary>More</summary>
      <label class="steps" for="steps">
        Steps
      </label>
      <input
        id="steps"
        class="field"
        type="text"
        inputMode="numeric"
        autocomplete="off"
        placeholder="Automatic"
        value={choices.steps}
        aria-describedby="steps-hint steps-problem"
        aria-invalid={problem !== undefined}
        onInput={(event) => onChange({ steps: event.currentTarget.value })}
      />
      <p class="muted hint" id="steps-hint">
        Up to {maxSteps}. More steps refine the strokes and take longer.
      </p>
      <Notice id="steps-problem" text={problem} />
    </details>
  );
}

interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  /** Said behind the label. */
  readonly detail?: string;
  readonly icon?: Parameters<typeof Icon>[0]["name"];
  readonly isDisabled?: boolean;
}

interface RadioGroupProps<T extends string> {
  readonly legend: string;
  readonly name: string;
  /** Side by side in one strip, or a card for each. */
  readonly look: "strip" | "cards";
  readonly value: T;
  readonly choices: readonly Choice<T>[];
  readonly onChange: (value: T) => void;
  /** A line below. */
  readonly children?: ComponentChildren;
}

/** One of a few things. */
function RadioGroup<T extends string>(props: RadioGroupProps<T>) {
  const { legend, name, look, value, choices, onChange, children } = props;
  return (
    <fieldset class="group">
      <legend>
        <h2>{legend}</h2>
      </legend>
      <div class={look}>
        {choices.map((choice) => (
          <label key={choice.value} class="choice">
            <input
              type="radio"
              class="cover"
              name={name}
              value={choice.value}
              checked={choice.value === value}
              disabled={choice.isDisabled}
              aria-labelledby={`${name}-${choice.value}`}
              aria-describedby={choice.detail && `${name}-${choice.value}-detail`}
              onChange={() => onChange(choice.value)}
            />
            {choice.icon && <Icon name={choice.icon} />}
            <span class="choice-text">
              <span class="choice-label" id={`${name}-${choice.value}`}>
                {choice.label}
              </span>
              {choice.detail && (
                <span class="choice-detail" id={`${name}-${choice.value}-detail`}>
                  {choice.detail}
                </span>
              )}
            </span>
          </label>
        ))}
      </div>
      {children}
    </fieldset>
  );
}
