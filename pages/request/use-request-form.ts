/** The request page's form: what is in it, what is wrong with it, and where it goes. */
import { useEffect, useState } from "preact/hooks";
import type { JobOptions } from "../../client/index.ts";
import { startLocal } from "../job/local-painting.ts";
import { fetchPicture } from "../job/saving.ts";
import type { LocalAdapter } from "../local/local-engine.ts";
import { useLimits } from "../service.ts";
import { usePicture } from "./picture-file.ts";
import { focusFirst, type Problems, wrongChoices } from "./problems.ts";
import { effectiveSize, longSideOf } from "./sizes.ts";
import { type Choices, OWN, useChoices } from "./use-choices.ts";
import type { DropTarget } from "./use-drop.ts";
import { useSending } from "./use-sending.ts";
import { useStyles } from "./use-styles.ts";

export function useRequestForm() {
  const site = useLimits();
  const content = usePicture("content");
  const own = usePicture("style");
  const list = useStyles();
  const [choices, changeChoices] = useChoices();
  const engine = useLocalEngine(site.weightsUrl !== undefined);
  const { progress, send, cancel } = useSending();
  const [problems, setProblems] = useState<Problems>({});
  const isLocal = choices.isLocal && engine !== undefined;
  const maxSize = isLocal ? Math.min(site.maxSize, engine.maxSize) : site.maxSize;
  const style = list.styles.find(({ name }) => name === choices.style);

  const change = (some: Partial<Choices>) => {
    changeChoices(some);
    const isOld = (field: string) => field === "request" || field in some;
    setProblems((last) => Object.fromEntries(Object.entries(last).filter(([field]) => !isOld(field))));
  };

  const take = (file: File, target: DropTarget) => {
    if (progress) return;
    if (target === "style") change({ style: OWN });
    void (target === "style" ? own : content).choose(file);
  };

  const complain = ({ picture, ownStyle, ...others }: Problems) => {
    if (picture !== undefined) content.complain(picture);
    if (ownStyle !== undefined) own.complain(ownStyle);
    setProblems(others);
    requestAnimationFrame(() => focusFirst({ picture, ownStyle, ...others })); // once they are there
  };

  const submit = async () => {
    const wrong = wrongChoices({ choices, content, own, list, maxSteps: site.maxSteps, isLocal });
    const picture = content.picture;
    if (!picture || Object.keys(wrong).length > 0) return complain(wrong);
    setProblems({});
    const { strength, steps, isPrivate } = choices;
    const size = longSideOf(picture, effectiveSize(picture, choices.size, maxSize), maxSize);
    const options: JobOptions = { size, strength, steps: steps.trim() ? Number(steps) : undefined };
    if (!isLocal) {
      const chosen = choices.style === OWN ? own : choices.style;
      return complain(await send({ content, style: chosen, isPrivate, options }));
    }
    if (choices.style === OWN)
      return startLocal({ content: picture.blob, style: own.picture!.blob, options });
    try {
      startLocal({
        content: picture.blob,
        style: await fetchPicture(style!.url),
        styleName: style!.name,
        options,
      });
    } catch {
      complain({ style: "That style could not be loaded. Try again, or choose another one." });
    }
  };

  return {
    ...{ site, content, own, list, choices, engine, isLocal, maxSize, style, problems, progress },
    ...{ change, take, submit, cancel },
  };
}

export type RequestForm = ReturnType<typeof useRequestForm>;

/**
 * What this browser can paint on, by code that is loaded apart from the page. Undefined where it can't, and while that
 * is not known. `isOffered`: whether the site offers a network of its own.
 */
function useLocalEngine(isOffered: boolean): LocalAdapter | undefined {
  const [engine, setEngine] = useState<LocalAdapter>();
  useEffect(() => {
    if (!("gpu" in navigator)) return;
    let isLatest = true;
    import("../local/local-engine.ts")
      .then(({ canRunHere }) => canRunHere(isOffered))
      .then(
        (found) => isLatest && setEngine(found),
        () => {}, // then the service does it
      );
    return () => {
      isLatest = false;
    };
  }, [isOffered]);
  return engine;
}
