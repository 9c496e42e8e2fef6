/** Returns a function that runs what it is given, at most `most` at a time, in the order in which they came. */
export function fewAtATime(most: number): (work: () => Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      await work();
    } finally {
      const next = waiting.shift(); // takes over the place
      if (next) next();
      else running--;
    }
  };
}
