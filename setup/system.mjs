/** What system this is, what set-up may do to it, and the commands that give it packages, a Vulkan driver first. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { complaintsIn, run, SetupError } from "./terminal.mjs";

/**
 * @typedef {"debian" | "fedora" | "arch" | "suse" | "alpine" | "other"} Family
 *
 * @typedef {object} System
 * @property {string} platform as in process.platform
 * @property {Family} family of Linux distributions; "other" elsewhere
 * @property {string} name for the user: "Debian GNU/Linux 12 (bookworm)"
 * @property {boolean} bookworm Debian 12 or built on it: its own Mesa is too old
 * @property {boolean} apt there is an apt-get
 * @property {boolean} root
 * @property {boolean} sudo sudo works without a password
 * @property {string} sources what `apt-get indextargets` says, one "URI RELEASE COMPONENT" a line
 * @property {string} [keyring] the archive keys to name in a new source
 *
 * @typedef {object} Step
 * @property {string} title
 * @property {string[]} command
 * @property {string} [input] its stdin
 * @property {boolean} [mayFail] a later step decides
 * @property {string} [undo] a file to remove if a later step fails
 */

const packages = ["libvulkan1", "mesa-vulkan-drivers"];
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const backportsFile = "/etc/apt/sources.list.d/stylize-bookworm-backports.list";

/**
 * Parses the text of /etc/os-release (freedesktop.org, os-release(5)): NAME=value, shell quotes, which Node's
 * `util.parseEnv` does not unescape.
 * @param {string} text
 * @returns {Record<string, string>}
 */
export function parseOsRelease(text) {
  const pairs = text.split("\n").flatMap((line) => {
    const match = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line);
    if (match === null) return [];
    const [, key = "", raw = ""] = match;
    const quoted = /^(["'])(.*)\1$/.exec(raw);
    const value = quoted === null ? raw : (quoted[2] ?? "").replace(/\\(["'$`\\])/g, "$1");
    return [[key, value]];
  });
  return Object.fromEntries(pairs);
}

/**
 * @param {Record<string, string>} osRelease
 * @returns {Family}
 */
export function familyOf(osRelease) {
  const ids = [osRelease.ID ?? "", ...(osRelease.ID_LIKE ?? "").split(/\s+/)];
  if (ids.includes("debian") || ids.includes("ubuntu")) return "debian";
  if (ids.includes("fedora") || ids.includes("rhel")) return "fedora";
  if (ids.includes("arch")) return "arch";
  if (ids.some((id) => id.includes("suse"))) return "suse";
  return ids.includes("alpine") ? "alpine" : "other";
}

/**
 * Whether this is Debian 12, or a distribution that says it is made of it.
 * @param {Record<string, string>} osRelease
 */
export function isBookworm(osRelease) {
  return (
    familyOf(osRelease) === "debian" &&
    (osRelease.DEBIAN_CODENAME ?? osRelease.VERSION_CODENAME) === "bookworm"
  );
}

/** @returns {System} */
export function describeSystem() {
  const file = ["/etc/os-release", "/usr/lib/os-release"].find((path) => existsSync(path));
  const osRelease = file === undefined ? {} : parseOsRelease(readFileSync(file, "utf8"));
  const family = process.platform === "linux" ? familyOf(osRelease) : "other";
  const root = process.getuid?.() === 0;
  const apt = family === "debian" && onPath("apt-get");
  const targets = ["indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"];
  return {
    platform: process.platform,
    family,
    name: osRelease.PRETTY_NAME ?? `${process.platform} ${process.arch}`,
    bookworm: isBookworm(osRelease),
    apt,
    root,
    sudo:
      apt && !root && onPath("sudo") && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0,
    sources: apt ? (spawnSync("apt-get", targets, { encoding: "utf8" }).stdout ?? "") : "",
    ...(existsSync(debianKeyring) ? { keyring: debianKeyring } : {}),
  };
}

/**
 * What to do about a missing adapter. Only a driver that is missing is installed: one that crashes would
 * still be there afterwards.
 * @param {System} system
 * @param {import("./adapter.mjs").Outcome} outcome
 * @param {{ yes: boolean, terminal: boolean }} user
 * @returns {"install" | "ask" | "print" | "unsupported"}
 */
export function decide(system, outcome, user) {
  if (outcome === "unloadable") return "unsupported";
  if (outcome === "crashed" || !system.apt || !(system.root || system.sudo)) return "print";
  return user.terminal && !user.yes ? "ask" : "install";
}

/**
 * The commands that install the software Vulkan driver on a Debian-like system.
 * @param {System} system
 * @returns {Step[]}
 */
export function driverSteps(system) {
  const source = system.bookworm ? backportsSource(system) : undefined;
  const release = system.bookworm ? ["-t", "bookworm-backports"] : [];
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...release, ...packages];
  const enable = {
    title: "enabling bookworm-backports",
    command: ["tee", backportsFile],
    input: `${source}\n`,
    undo: backportsFile,
  };
  return [
    ...(source === undefined ? [] : [enable]),
    // Broken sources of third parties make this fail where those that matter were read.
    { title: "reading the package lists (apt-get update)", command: ["apt-get", "update"], mayFail: true },
    { title: `installing ${packages.join(" and ")} (apt-get install)`, command: install },
  ];
}

/**
 * The line that enables backports, in the mirror that the machine's own bookworm comes from.
 * @param {Pick<System, "sources" | "keyring">} system
 * @returns {string | undefined} undefined where backports are enabled already
 */
export function backportsSource(system) {
  const entries = system.sources.split("\n").map((line) => line.trim().split(" "));
  if (entries.some(([, release = ""]) => /^(bookworm|stable|oldstable)-backports$/.test(release)))
    return undefined;
  const own = entries.find(([, release, component]) => release === "bookworm" && component === "main");
  const mirror = (own?.[0] ?? "http://deb.debian.org/debian").replace(/\/$/, "");
  const signedBy = system.keyring === undefined ? "" : `[signed-by=${system.keyring}] `;
  return `deb ${signedBy}${mirror} bookworm-backports main`;
}

/**
 * A step as a line to type into a shell.
 * @param {Step} step
 * @param {Pick<System, "root">} system
 */
export function shellLine(step, system) {
  const line = `${system.root ? "" : "sudo "}${step.command.join(" ")}`;
  return step.input === undefined ? line : `echo '${step.input.trim()}' | ${line}`;
}

/**
 * What the user can do where set-up does nothing.
 * @param {System} system
 * @param {import("./adapter.mjs").Outcome} outcome
 */
export function manualAdvice(system, outcome) {
  if (outcome === "unloadable") {
    return (
      "Its builds are for Linux (x64 and arm64, with glibc 2.34 and GLIBCXX_3.4.30 or newer: Debian 12, Ubuntu " +
      "22.04, Fedora 36; not Alpine, which has musl), macOS and Windows (x64 and arm64).\n" +
      `This is ${system.name}, ${process.platform}-${process.arch}. A container of a newer system is one way out.`
    );
  }
  if (system.platform === "darwin") {
    return "Dawn uses Metal here: see that this Mac has a GPU that Metal supports and that the session may use it.";
  }
  if (system.platform === "win32") {
    return (
      "Dawn uses Direct3D 12 here: update the graphics driver and Windows, and see that the " +
      "Device Manager shows no fault."
    );
  }
  const choose =
    outcome === "crashed"
      ? "Name the driver to use by its file in the variable VK_DRIVER_FILES, update the one that " +
        "fails, or install one that computes on the processor.\n"
      : "";
  return (
    `${choose}${system.name}: install a driver that computes on the processor ` +
    `with\n${manualCommands(system)}\nand try again.`
  );
}

/** @param {System} system */
function manualCommands(system) {
  const sudo = system.root ? "" : "sudo ";
  const lines = {
    debian: driverSteps(system).map((step) => shellLine(step, system)),
    fedora: [`${sudo}dnf install vulkan-loader mesa-vulkan-drivers`],
    arch: [`${sudo}pacman -S vulkan-icd-loader vulkan-swrast`],
    suse: [`${sudo}zypper install libvulkan1 libvulkan_lvp`],
    alpine: ["(none: Dawn's builds need glibc, and Alpine has musl; use a Debian or Ubuntu container)"],
    other: [
      "(your package manager: the Vulkan loader, libvulkan.so.1, and Mesa's Vulkan drivers with " +
        "lavapipe, 23.2 or newer)",
    ],
  }[system.family];
  return lines.map((line) => `    ${line}`).join("\n");
}

/** @param {string} program */
export function onPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/**
 * @param {Step[]} steps
 * @param {System} system
 * @param {number} lockSeconds how long to wait for another package manager
 */
export async function runSteps(steps, system, lockSeconds) {
  const prefix = [...(system.root ? [] : ["sudo", "-n"]), "env", "DEBIAN_FRONTEND=noninteractive"];
  let output = "";
  for (const { title, command, input, mayFail } of steps) {
    const wait = command[0] === "apt-get" ? ["-o", `DPkg::Lock::Timeout=${lockSeconds}`] : [];
    const given = input === undefined ? {} : { input };
    const result = await run([...prefix, ...command, ...wait], { title, ...given });
    output += result.output;
    if (result.ok || mayFail) continue;

    // A source that doesn't work must not stay behind in the system's list.
    const undo = steps.flatMap((step) => step.undo ?? []);
    if (undo.length > 0) await run([...prefix, "rm", "-f", ...undo]);
    const said = aptErrors(output);
    throw new SetupError(21, `${command.join(" ")} failed (${result.how}); apt says:\n${said}`);
  }
}

/**
 * The warnings and errors among apt's lines, those of an earlier `apt-get update` included: it ends well
 * even where it could read nothing, and the installation then fails for a reason that misleads.
 * @param {string} output
 */
export function aptErrors(output) {
  return complaintsIn(output, /^[WE]:/);
}
