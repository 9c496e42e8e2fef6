import { describe, expect, it } from "vitest";
import { ConfigError } from "../common/config-values.ts";
import { parseConfig } from "./config.ts";

const least = { STYLIZE_OBJECTS: "file:///data/objects", STYLIZE_QUEUE: "file:///data/queue" };

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).sentences;
  }
  return [];
}

describe("parseConfig", () => {
  it("needs no more than the stores", () => {
    expect(parseConfig({ ...least, STYLIZE_STEPS: "", HOME: "/root" })).toEqual({
      objects: { kind: "file", folder: "/data/objects" },
      queue: { kind: "file", folder: "/data/queue" },
      weights: undefined,
      limits: {
        maxSize: 2048,
        maxSizeSoftware: 512,
        maxPixels: 64_000_000,
        steps: 60,
        checkpointSeconds: 30,
        isLastAttempt: false,
      },
      requireGpu: true,
      parentPipe: false,
      logLevel: "info",
    });
  });

  it("reads S3 and SQS", () => {
    const queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/news";
    const config = parseConfig({ STYLIZE_OBJECTS: "s3://pictures", STYLIZE_QUEUE: queue });
    expect(config).toMatchObject({ objects: { kind: "s3", bucket: "pictures" }, queue: { url: queue } });
  });

  it("knows the last attempt, by our name or by AWS Batch's", () => {
    const isLast = (env: Record<string, string>) => parseConfig({ ...least, ...env }).limits.isLastAttempt;
    expect(isLast({ STYLIZE_ATTEMPT: "3" })).toBe(true);
    expect(isLast({ AWS_BATCH_JOB_ATTEMPT: "3" })).toBe(true);
    expect(isLast({ AWS_BATCH_JOB_ATTEMPT: "2" })).toBe(false);
    expect(isLast({ AWS_BATCH_JOB_ATTEMPT: "2", STYLIZE_ATTEMPTS: "2" })).toBe(true);
  });

  it("says of all that is wrong what was expected, in one sentence each", () => {
    const env = { STYLIZE_OBJECTS: "/data", STYLIZE_STEPS: "many", STYLIZE_REQUIRE_GPU: "no" };
    expect(problemsOf(env)).toEqual([
      "Expected STYLIZE_OBJECTS to be file:///FOLDER or s3://BUCKET but received '/data'.",
      "Expected STYLIZE_QUEUE to be file:///FOLDER or an https:// address of an SQS queue but received nothing.",
      "Expected STYLIZE_STEPS to be an integer from 1 to 2000 but received 'many'.",
      "Expected STYLIZE_REQUIRE_GPU to be one of 0, 1, true, false but received 'no'.",
    ]);
  });

  it.each(["s3://", "s3://bucket/folder", "https://host/", "file://host/folder"])(
    "refuses the object store %s",
    (url) => {
      expect(problemsOf({ ...least, STYLIZE_OBJECTS: url })).toHaveLength(1);
    },
  );

  it("repeats no password", () => {
    const [problem] = problemsOf({ ...least, STYLIZE_QUEUE: "https://user:secret@host/queue" });
    expect(problem).toMatch(/received 'https:\/\/\.\.\.@host\/queue'/);
  });
});
