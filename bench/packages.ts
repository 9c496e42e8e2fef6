/** The peers' npm packages, which are no dependencies of the project. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lastLine, peersFolder, run } from "./commands.ts";

/** Why a package can't be used: a sentence; undefined where it can. */
export type Missing = (name: string) => string | undefined;

let installed: Promise<Missing> | undefined;

/** Installs what is missing, once in a process; a machine without network goes on with what is there. */
export function installPackages(): Promise<Missing> {
  installed ??= install();
  return installed;
}

async function install(): Promise<Missing> {
  const wanted: Readonly<Record<string, string>> = readJson(join(peersFolder, "package.json")).dependencies;
  const isThere = (name: string) => {
    const path = join(peersFolder, "node_modules", name, "package.json");
    return existsSync(path) && readJson(path).version === wanted[name];
  };
  if (Object.keys(wanted).every(isThere)) return () => undefined;
  process.stderr.write("bench: installing the peers (npm install in bench/peers, 750 MB)\n");
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=1"];
  const variables = { ONNXRUNTIME_NODE_INSTALL: "skip" };
  const { ok, stderr } = await run([...npm, "install", ...flags], { variables });
  const why = ok
    ? "npm left it out"
    : `npm says ${/^npm \S+ code (\S+)/m.exec(stderr)?.[1] ?? lastLine(stderr)}`;
  return (name) => (isThere(name) ? undefined : `${name} ${wanted[name]} is not installed: ${why}`);
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}
