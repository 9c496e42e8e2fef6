/**
 * Programs that only tests start, from packages of the system: where one can't be had its tests are skipped, so nothing
 * here is fatal. apt-get finds and unpacks them, since the system's own programs get its updates, too.
 */
import { decide, describeSystem, onPath, runSteps, shellLine } from "./system.mjs";
import { ask, SetupError, say } from "./terminal.mjs";

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string[]} programs its names, any of which will do
 * @property {string} [variable] of the environment, may name it too
 * @property {string[]} packages Debian's
 * @property {Record<Exclude<import("./system.mjs").Family, "other">, string> & { darwin: string, win32: string }}
 * advice
 *   what to do, by family of Linux or by platform: a command, or a sentence
 */

/** @satisfies {Record<string, Program>} */
export const testPrograms = {
  redis: {
    name: "redis-server",
    programs: ["redis-server"],
    packages: ["redis-server"],
    advice: {
      debian: "apt-get install redis-server",
      fedora: "dnf install redis",
      arch: "pacman -S redis",
      suse: "zypper install redis",
      alpine: "apk add redis",
      darwin: "brew install redis",
      win32: "It has no build for Windows; the tests find it in WSL.",
    },
  },
  chromium: {
    name: "Chromium",
    programs: ["chromium", "chromium-browser", "google-chrome"],
    variable: "CHROMIUM",
    // Without a font it draws boxes.
    packages: ["chromium", "fonts-dejavu-core"],
    advice: {
      debian: "apt-get install chromium fonts-dejavu-core",
      fedora: "dnf install chromium dejavu-sans-fonts",
      arch: "pacman -S chromium ttf-dejavu",
      suse: "zypper install chromium dejavu-fonts",
      alpine: "apk add chromium ttf-dejavu",
      darwin: "Install Chrome or Chromium and name its program in the variable CHROMIUM.",
      win32: "Install Chrome or Chromium and name its program in the variable CHROMIUM.",
    },
  },
};

// A mirror that doesn't answer must not hold the tests up.
const apt = ["apt-get", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15"];

/**
 * The lists first: only where the package isn't found without.
 * @param {Program} program
 * @returns {{ update: import("./system.mjs").Step, install: import("./system.mjs").Step }}
 */
export function programSteps({ name, packages }) {
  return {
    update: {
      title: "reading the package lists (apt-get update)",
      command: [...apt, "update"],
      mayFail: true,
    },
    install: {
      title: `installing ${name} (apt-get install)`,
      command: [...apt, "install", "-y", "--no-install-recommends", ...packages],
    },
  };
}

/** @param {Program} program */
function isThere({ programs, variable }) {
  return programs.some(onPath) || (variable !== undefined && Boolean(process.env[variable]));
}

/**
 * Installs a program where that is possible and allowed, and says what to do elsewhere.
 * @param {Program} program
 * @param {boolean} yes don't ask
 */
export async function provideProgram(program, yes) {
  if (isThere(program)) return;
  const system = describeSystem();
  const without = `${program.name} is not installed; the tests that need it will be skipped.`;
  const action = isSnap(program, system)
    ? "print"
    : decide(system, "none", { yes, terminal: Boolean(process.stdin.isTTY) });
  if (action !== "install" && action !== "ask") return say(`${without} ${programAdvice(program, system)}`);

  const { update, install } = programSteps(program);
  if (action === "ask") {
    say(`${program.name}, which some tests need, can be installed with\n    ${shellLine(install, system)}`);
    if (!(await ask("Run this command now? [y/N] "))) return say(without);
  }
  try {
    await runSteps([{ ...install, mayFail: true }], system, 30);
    if (!isThere(program)) await runSteps([update, install], system, 30);
  } catch (error) {
    if (!(error instanceof SetupError) || error.exitStatus !== 21) throw error;
    say(`${without} ${error.message}`);
  }
}

/**
 * Ubuntu's package of Chromium only fetches a snap, which no container can run.
 * @param {Program} program
 * @param {Pick<import("./system.mjs").System, "name">} system
 */
function isSnap({ packages }, { name }) {
  return packages.includes("chromium") && name.startsWith("Ubuntu");
}

/**
 * @param {Program} program
 * @param {Pick<import("./system.mjs").System, "family" | "root" | "platform" | "name">} system
 */
export function programAdvice(program, system) {
  const { platform, family, root } = system;
  if (isSnap(program, system)) return `Ubuntu has it as a snap alone. ${program.advice.darwin}`;
  const key = platform === "linux" ? family : platform;
  /** @type {Partial<Record<string, string>>} */
  const { [key]: advice } = program.advice;
  if (!advice) return "Install it with your package manager.";
  if (advice.endsWith(".")) return advice;
  return `Install it with ${root || platform !== "linux" ? "" : "sudo "}${advice}.`;
}
