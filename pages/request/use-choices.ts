/** What the visitor chose, beside the pictures: kept for as long as the tab is open, over an accidental reload too. */
import { useState } from "preact/hooks";
import { type Strength, strengths } from "../../protocol/protocol.ts";
import { type SizeName, sizeNames } from "./sizes.ts";

/** The style that is the visitor's own picture; no style of the service is called so. */
export const OWN = "own";

export interface Choices {
  /** A style's name, OWN, or nothing yet. */
  readonly style: string;
  readonly size: SizeName;
  readonly strength: Strength;
  /** As it was typed. */
  readonly steps: string;
  readonly isPrivate: boolean;
  readonly isLocal: boolean;
}

/** Pictures are often of people, and what was shown to everyone can't be taken back: who wants that says so. */
const first: Choices = {
  style: "",
  size: "medium",
  strength: "balanced",
  steps: "",
  isPrivate: true,
  isLocal: false,
};

const KEY = "stylize:choices";

export function useChoices(): readonly [Choices, (change: Partial<Choices>) => void] {
  const [choices, setChoices] = useState(stored);
  const change = (some: Partial<Choices>) =>
    setChoices((last) => {
      const next = { ...last, ...some };
      store(next);
      return next;
    });
  return [choices, change];
}

function stored(): Choices {
  try {
    const value = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Partial<Record<keyof Choices, unknown>>;
    return {
      style: typeof value.style === "string" ? value.style : first.style,
      size: sizeNames.find((name) => name === value.size) ?? first.size,
      strength: strengths.find((name) => name === value.strength) ?? first.strength,
      steps: typeof value.steps === "string" ? value.steps : first.steps,
      isPrivate: value.isPrivate !== false,
      isLocal: value.isLocal === true,
    };
  } catch {
    return first; // somebody else's text, or storage that may not be used
  }
}

function store(choices: Choices): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(choices));
  } catch {
    // then they last as long as the page
  }
}
