import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../common/config-values.ts";
import { configTable, helpText, printedConfig, readConfig, variableOf } from "./config.ts";

const read = (argv: string[], env: Record<string, string> = {}) => readConfig(argv, env).config;

/** The sentences of a configuration that is refused. */
function refused(argv: string[], env: Record<string, string> = {}): readonly string[] {
  try {
    readConfig(argv, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.sentences;
    throw error;
  }
  throw new Error("Expected a ConfigError but none was thrown.");
}

describe("readConfig", () => {
  it("needs nothing", () => {
    expect(read([])).toMatchObject({
      host: "127.0.0.1",
      port: 3000,
      workers: 1,
      redis: undefined,
      origins: [],
    });
  });

  it("takes flags before variables before defaults", () => {
    const env = { STYLIZE_PORT: "4000", STYLIZE_WORKERS: "2", AWS_REGION: "eu-central-1", STYLIZE_HOST: "" };
    expect(read(["--port", "5000"], env)).toMatchObject({
      port: 5000,
      workers: 2,
      region: "eu-central-1",
      host: "127.0.0.1",
    });
    expect(read(["--origins", "https://a.example, https://b.example"]).origins).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
  });

  it.each<[string[], string]>([
    [
      ["--port", "70000"],
      "Expected --port (STYLIZE_PORT) to be an integer from 0 to 65535 but received '70000'.",
    ],
    [
      ["--workers", "1.5"],
      "Expected --workers (STYLIZE_WORKERS) to be an integer from 1 to 64 but received '1.5'.",
    ],
    [
      ["--s3-endpoint", "ftp://x"],
      "Expected --s3-endpoint (STYLIZE_S3_ENDPOINT) to be an http:// or https:// address but received 'ftp://x'.",
    ],
    [
      ["--log-level", "loud"],
      "Expected --log-level (STYLIZE_LOG_LEVEL) to be one of fatal, error, warn, info, debug, silent but received 'loud'.",
    ],
    [
      ["--secret", "hunter2"],
      "Expected --secret (STYLIZE_SECRET) to be at least 32 characters but received something else.",
    ],
    [["--redis", "redis://a"], "Expected --secret (STYLIZE_SECRET) with --redis but received none."],
    [["--nothing"], "Unknown option '--nothing'"],
  ])("refuses %j in one sentence", (argv, sentence) => {
    expect(refused(argv)).toEqual([expect.stringContaining(sentence)]);
  });

  it("tells all that is wrong at once", () => {
    expect(refused(["--port", "x", "--workers", "0"])).toHaveLength(2);
    const batch = refused(["--batch-queue", "q"]);
    expect(batch.map((sentence) => sentence.match(/--[a-z-]+/)![0])).toEqual([
      "--batch-definition",
      "--bucket",
      "--queue-url",
    ]);
    const keys = ["--jwt-secret", "x".repeat(32), "--jwt-public-key", "y"];
    expect(refused(keys)).toEqual(["Expected one of --jwt-secret and --jwt-public-key but received both."]);
  });
});

describe("what is shown", () => {
  it("has every setting, but no secret", () => {
    const secrets = {
      STYLIZE_SECRET: "s".repeat(40),
      STYLIZE_REDIS: "redis://me:hush@host",
      STYLIZE_REDIS_PASSWORD: "hush",
      STYLIZE_S3_ENDPOINT: "https://me:hush@host/",
    };
    const text = printedConfig(read([], secrets));
    for (const name of Object.keys(configTable)) expect(text).toMatch(new RegExp(`^${name}: `, "m"));
    expect(text).not.toMatch(/sssss|hush/);
    expect(text).toContain("redis: (set)\n");
  });

  it("is in docs/service.md, one row each", () => {
    const docs = readFileSync(new URL("../docs/service.md", import.meta.url), "utf8");
    const rows = (Object.keys(configTable) as (keyof typeof configTable)[]).map((name) => {
      const fallback = `${configTable[name].schema.safeParse(undefined).data ?? ""}`;
      const shown = fallback === "" ? "" : `\`${fallback}\``;
      return `| \`--${name}\` | \`${variableOf(name)}\` | ${shown} | ${configTable[name].help} |`;
    });
    expect(docs.split("\n").filter((line) => line.startsWith("| `--"))).toEqual(rows);
  });

  it("helps with every flag", () => {
    for (const name of Object.keys(configTable)) expect(helpText()).toContain(`--${name} `);
    expect(variableOf("s3-endpoint")).toBe("STYLIZE_S3_ENDPOINT");
  });
});
