/**
 * The npm packages, and the stamp that remembers what set-up has found in order.
 *
 * The stamp lies in node_modules, so it goes when the packages go; it is removed before `npm ci` begins
 * and written after everything else, so an installation that was cut off is done again.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { complaintsIn, run, SetupError } from "./terminal.mjs";

/**
 * @typedef {object} Stamp
 * @property {string} packages what `packagesKey` gave when they were installed
 * @property {string} [adapter] what `adapterKey` gave when an adapter was found
 * @property {boolean} [redis] redis-server was seen to: it is there, or can't be had
 * @property {boolean} [chromium] the same for Chromium
 */

/** @param {string} root */
const stampPath = (root) => join(root, "node_modules", ".setup.json");
/** npm's own list of what it installed, written when it has finished. @param {string} root */
const installedPath = (root) => join(root, "node_modules", ".package-lock.json");

/**
 * Names what node_modules must hold: the lock file, and the Node and the machine it was installed for.
 * @param {string} root folder of package-lock.json
 */
export function packagesKey(root) {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  return `${lock} node${process.versions.node.split(".")[0]} ${process.platform}-${process.arch}`;
}

/**
 * @param {string} root
 * @returns {Stamp | undefined}
 */
export function readStamp(root) {
  return readJson(stampPath(root));
}

/**
 * A tree that can't be written to is probed anew each time, which is all that the stamp saves.
 * @param {string} root
 * @param {Stamp} stamp
 */
export function writeStamp(root, stamp) {
  try {
    writeFileSync(stampPath(root), `${JSON.stringify(stamp)}\n`);
  } catch {}
}

/**
 * @param {string} root
 * @param {string} key
 */
export function packagesFresh(root, key) {
  const stamp = readStamp(root);
  if (stamp !== undefined) return stamp.packages === key;
  // Installed by hand, without set-up: npm's own list tells whether it is what we would install.
  const wanted = readJson(join(root, "package-lock.json"));
  const installed = readJson(installedPath(root));
  return wanted !== undefined && installed !== undefined && sameTree(wanted, installed, process);
}

/**
 * Whether an installed tree has every package of the lock file, for this platform.
 * @param {{ packages: Record<string, any> }} wanted package-lock.json
 * @param {{ packages: Record<string, any> }} installed node_modules/.package-lock.json
 * @param {{ platform: string, arch: string }} machine
 */
export function sameTree(wanted, installed, machine) {
  /** @param {any} entry */
  const fits = (entry) =>
    (entry.os === undefined || entry.os.includes(machine.platform)) &&
    (entry.cpu === undefined || entry.cpu.includes(machine.arch));
  const complete = Object.entries(wanted.packages).every(([path, entry]) => {
    const there = installed.packages[path];
    return path === "" || (there === undefined ? Boolean(entry.optional) : there.version === entry.version);
  });
  return complete && Object.values(installed.packages).every(fits);
}

/**
 * Runs `npm ci`, which removes node_modules first. The command, since npm has no interface for programs.
 * @param {string} root
 * @param {string} key
 * @param {{ what?: string, flags?: string[] }} [options] what they are, and more flags for npm
 */
export async function installPackages(root, key, { what = "the npm packages", flags: more = [] } = {}) {
  rmSync(stampPath(root), { force: true });
  rmSync(installedPath(root), { force: true });
  // A user's own settings (omit=dev, NODE_ENV=production, loglevel=silent) must not leave the tools out.
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--include=dev", "--include=optional"];
  const npm = npmCommand();
  const result = await run([...npm.command, "ci", ...flags, ...more, "--prefer-offline", "--loglevel=warn"], {
    title: `installing ${what} (npm ci)`,
    cwd: root,
    shell: npm.shell,
  });
  if (!result.ok) {
    throw new SetupError(20, `npm ci failed (${result.how}); it says:\n${npmErrors(result.output)}`);
  }
  writeStamp(root, { packages: key });
}

/**
 * The part of npm's output that tells what went wrong: it comes first, and pages of usage may follow.
 * @param {string} output
 */
export function npmErrors(output) {
  return complaintsIn(output, /^npm (error|ERR!) ./);
}

/** Prefers the npm that runs us, and by its script: Windows can't start npm.cmd without a shell. */
function npmCommand() {
  const script = process.env.npm_execpath ?? "";
  if (script.endsWith("npm-cli.js") && existsSync(script)) {
    return { command: [process.execPath, script], shell: false };
  }
  return process.platform === "win32"
    ? { command: ["npm.cmd"], shell: true }
    : { command: ["npm"], shell: false };
}

/**
 * @param {string} path
 * @returns {any} undefined where there is no such file, or half of one
 */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
