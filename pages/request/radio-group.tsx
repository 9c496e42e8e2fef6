import type { ComponentChildren } from "preact";
import { Icon } from "../parts.tsx";

export interface Choice<T extends string> {
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
export function RadioGroup<T extends string>(props: RadioGroupProps<T>) {
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
