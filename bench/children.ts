/** Starts measurements, each in a process of its own. */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Measurement, MeasureRequest } from "./report.ts";
import { cacheVariables } from "./shader-cache.ts";

/** `measurement` is what earlier commits called it, which --against runs. */
type Answer = { readonly result: unknown } | { readonly measurement: unknown } | { readonly problem: string };

/** Measures in a child process. Throws with the child's own sentence. */
export function measureInChild(
  request: MeasureRequest,
  variables?: Readonly<Record<string, string>>,
): Promise<Measurement> {
  return askChild<Measurement>(fileURLToPath(new URL("child.ts", import.meta.url)), request, variables);
}

/** Runs `script` in a child process with `variables` in its environment. Throws with the child's own sentence. */
export async function askChild<Result>(
  script: string,
  request: unknown,
  variables: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = fork(script, [JSON.stringify(request)], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let answer: Answer | undefined;
  let said = "";
  child.stderr!.on("data", (data) => {
    said += data;
  });
  child.once("message", (message) => {
    answer = message as Answer;
  });
  const how = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ? `signal ${signal}` : `status ${code}`));
  });
  if (answer && "result" in answer) return answer.result as Result;
  if (answer && "measurement" in answer) return answer.measurement as Result;
  throw new Error(answer?.problem ?? `its process ended with ${how} and said: ${said.trim()}`);
}

/** Runs `use` with a folder that exists for as long. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stylize-bench-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface ColdAndWarm {
  readonly cold: Measurement;
  readonly warm: Measurement;
}

/** Starts with an empty shader cache, then measures with what the first start left there. */
export function measureColdAndWarm(request: MeasureRequest): Promise<ColdAndWarm> {
  return withFolder(async (folder) => {
    const variables = cacheVariables(folder);
    const cold = await measureInChild({ ...request, reps: 0, profile: false }, variables);
    return { cold, warm: await measureInChild(request, variables) };
  });
}
