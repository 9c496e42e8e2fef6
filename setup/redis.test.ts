import { expect, test } from "vitest";
import { redisAdvice, redisSteps } from "./redis.mjs";
import { shellLine } from "./system.mjs";

test.each([
  ["linux", "debian", false, "sudo apt-get install redis-server"],
  ["linux", "debian", true, "with apt-get install redis-server"],
  ["linux", "fedora", false, "sudo dnf install redis"],
  ["linux", "other", false, "your package manager"],
  ["darwin", "other", false, "brew install redis"],
  ["win32", "other", false, "WSL"],
] as const)("%s, %s, root %s: %s", (platform, family, root, expected) => {
  expect(redisAdvice({ platform, family, root })).toContain(expected);
});

test("the commands wait neither for a mirror nor for an answer", () => {
  for (const step of redisSteps)
    expect(shellLine(step, { root: false })).toMatch(/^sudo apt-get .*Timeout=15/);
  expect(redisSteps[1]!.command).toContain("-y");
});
