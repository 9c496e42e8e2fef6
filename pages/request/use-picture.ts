/** A picture that the visitor chose, and what is wrong with one that could not be taken. */
import { useEffect, useRef, useState } from "preact/hooks";
import { limits } from "../service.ts";
import { type ChosenPicture, PictureProblem, readPicture } from "./picture-file.ts";

export interface PictureField {
  readonly picture: ChosenPicture | undefined;
  readonly problem: string | undefined;
  readonly isReading: boolean;
  readonly choose: (file: File) => Promise<void>;
  /** Takes one that was read before. */
  readonly replace: (picture: ChosenPicture | undefined) => void;
  readonly complain: (problem: string | undefined) => void;
}

const UNUSABLE = "That picture can't be used in this browser.";

/** Pictures outlive a visit to another page, so that one can come back and try another style. */
const kept = new Map<string, ChosenPicture>();

/** `name` tells the pictures of one page apart. */
export function usePicture(name: string): PictureField {
  const [picture, setPicture] = useState(() => kept.get(name));
  const [problem, complain] = useState<string>();
  const [isReading, setIsReading] = useState(false);
  const latest = useRef(0);
  useEffect(() => () => void latest.current++, []);

  const replace = (next: ChosenPicture | undefined) => {
    const last = kept.get(name);
    if (last) URL.revokeObjectURL(last.url);
    if (next) kept.set(name, next);
    else kept.delete(name);
    setPicture(next);
    complain(undefined);
  };
  const choose = async (file: File) => {
    const own = ++latest.current;
    setIsReading(true);
    try {
      const next = await readPicture(file, await limits());
      if (own === latest.current) replace(next);
      else URL.revokeObjectURL(next.url);
    } catch (error) {
      const problem = error instanceof PictureProblem ? error.message : UNUSABLE;
      if (own === latest.current) complain(problem);
    } finally {
      if (own === latest.current) setIsReading(false);
    }
  };
  return { picture, problem, isReading, choose, replace, complain };
}
