/** A gateway with pages of a folder, for tests that no worker takes part in. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { nodeArguments } from "../../tests/programs.ts";
import { readConfig } from "../config.ts";
import { serve } from "../serve.ts";

export interface TestSite extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What it logged, warnings and worse. */
  readonly logged: readonly string[];
}

export async function startSite(pages: string, ...flags: string[]): Promise<TestSite> {
  const data = await mkdtemp(join(tmpdir(), "stylize-site-"));
  const { config } = readConfig(["--port", "0", "--data", data, ...flags], {});
  const logged: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => logged.push(JSON.parse(line).msg) });
  const hasGpu = nodeArguments("worker/has-gpu.ts");
  const gateway = await serve({ config, env: process.env, log, pages, hasGpu });
  const dispose = async () => {
    await gateway.close();
    await rm(data, { recursive: true });
  };
  const { port } = gateway;
  return { url: `http://127.0.0.1:${port}`, port, logged, [Symbol.asyncDispose]: dispose };
}
