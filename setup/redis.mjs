/** redis-server, which only the tests of the service start: where it can't be had they are skipped, so nothing here is fatal. */
import { runSteps } from "./driver.mjs";
import { decide, describeSystem, onPath, shellLine } from "./system.mjs";
import { ask, SetupError, say } from "./terminal.mjs";

// A mirror that doesn't answer must not hold the tests up.
const apt = ["apt-get", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15"];

/** The lists first: only where the package isn't found without. @type {import("./system.mjs").Step[]} */
export const redisSteps = [
  {
    title: "reading the package lists (apt-get update)",
    command: [...apt, "update"],
    mayFail: true,
  },
  {
    title: "installing redis-server (apt-get install)",
    command: [...apt, "install", "-y", "--no-install-recommends", "redis-server"],
  },
];

/**
 * Installs redis-server where that is possible and allowed, and says what to do elsewhere.
 * @param {boolean} yes don't ask
 */
export async function provideRedis(yes) {
  if (onPath("redis-server")) return;
  const system = describeSystem();
  const action = decide(system, "none", { yes, terminal: Boolean(process.stdin.isTTY) });
  const without = "redis-server is not installed; the tests that need it will be skipped.";
  if (action !== "install" && action !== "ask") return say(`${without} ${redisAdvice(system)}`);

  const [update, install] = /** @type {[import("./system.mjs").Step, import("./system.mjs").Step]} */ (
    redisSteps
  );
  if (action === "ask") {
    say(`redis-server, which some tests need, can be installed with\n    ${shellLine(install, system)}`);
    if (!(await ask("Run this command now? [y/N] "))) return say(without);
  }
  try {
    await runSteps([{ ...install, mayFail: true }], system, 30);
    if (!onPath("redis-server")) await runSteps([update, install], system, 30);
  } catch (error) {
    if (!(error instanceof SetupError) || error.exitStatus !== 21) throw error;
    say(`${without} ${error.message}`);
  }
}

/** @param {Pick<import("./system.mjs").System, "family" | "root" | "platform">} system */
export function redisAdvice(system) {
  const sudo = system.root ? "" : "sudo ";
  if (system.platform === "darwin") return "Install it with brew install redis.";
  if (system.platform === "win32") return "It has no build for Windows; the tests find it in WSL.";
  const command = {
    debian: "apt-get install redis-server",
    fedora: "dnf install redis",
    arch: "pacman -S redis",
    suse: "zypper install redis",
    alpine: "apk add redis",
    other: "",
  }[system.family];
  return command === "" ? "Install it with your package manager." : `Install it with ${sudo}${command}.`;
}
