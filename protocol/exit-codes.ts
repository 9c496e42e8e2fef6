/** What a worker's exit status says to whoever started it. */

/** 20 to 29: the same job will fail again. All others but 0: it may work at the next attempt. */
export const exitCodes = {
  done: 0,
  /** Something failed, here or in a store. */
  failed: 1,
  /** The job can't be done: bad arguments, missing or unreadable pictures, too large a size. */
  "bad-input": 20,
  /** The environment or the network's weights are wrong: every job would fail. */
  "bad-config": 21,
  /** No GPU where one is required; another machine may have one. */
  "no-gpu": 30,
  /** Stopped from outside; what was done is in a checkpoint, if it had begun to compute. */
  interrupted: 31,
} as const;

/** How a job ended. */
export type Outcome = "done" | "failed" | "bad-input" | "interrupted";
