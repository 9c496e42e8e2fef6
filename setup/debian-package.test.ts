import { expect, test } from "vitest";
import { programAdvice, programSteps, testPrograms } from "./debian-package.mjs";
import { shellLine } from "./system.mjs";

const { redis, chromium } = testPrograms;

test.each([
  [
    "linux",
    "debian",
    false,
    "sudo apt-get install redis-server",
    "sudo apt-get install chromium fonts-dejavu-core",
  ],
  ["linux", "debian", true, "with apt-get install redis-server", "with apt-get install chromium"],
  ["linux", "fedora", false, "sudo dnf install redis", "sudo dnf install chromium"],
  ["linux", "other", false, "your package manager", "your package manager"],
  ["darwin", "other", false, "with brew install redis", "CHROMIUM"],
  ["win32", "other", false, "WSL", "CHROMIUM"],
  ["freebsd", "other", false, "your package manager", "your package manager"],
] as const)("%s, %s, root %s: %s; %s", (platform, family, root, forRedis, forChromium) => {
  const system = { platform, family, root, name: "Debian GNU/Linux 13 (trixie)" };
  expect(programAdvice(redis, system)).toContain(forRedis);
  expect(programAdvice(chromium, system)).toContain(forChromium);
});

test("Ubuntu's snap is not recommended", () => {
  const ubuntu = { platform: "linux", family: "debian", root: false, name: "Ubuntu 24.04.3 LTS" } as const;
  expect(programAdvice(chromium, ubuntu)).toMatch(/^Ubuntu has it as a snap alone\. Install Chrome/);
  expect(programAdvice(redis, ubuntu)).toContain("sudo apt-get install redis-server");
});

test.each(Object.values(testPrograms))(
  "the commands for $name wait neither for a mirror nor for an answer",
  (program) => {
    const { update, install } = programSteps(program);
    for (const step of [update, install])
      expect(shellLine(step, { root: false })).toMatch(/^sudo apt-get .*Timeout=15/);
    expect(install.command).toContain("-y");
    for (const name of program.packages) expect(install.command).toContain(name);
  },
);
