/** Takes out of texts what tells whose machine they come from: folders, the user's and the machine's name. */
import { homedir, hostname, tmpdir, userInfo } from "node:os";
import { fileURLToPath } from "node:url";

/** Names of users and machines that tell nothing of anybody, and are words of their own. */
const common = ["root", "user", "admin", "node", "runner", "ubuntu", "debian", "localhost", "gpu"];

/** What this machine has to hide. */
export interface Personal {
  readonly folders: readonly (readonly [folder: string, shown: string])[];
  /** Each with what is shown instead. */
  readonly names: readonly (readonly [name: string, shown: string])[];
}

export function personalOf(): Personal {
  const host = hostname();
  const user = userName();
  return {
    folders: [
      [fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, ""), "<clone>"],
      [process.cwd(), "<folder>"],
      [tmpdir(), "<tmp>"],
      [homedir(), "~"],
    ],
    names: [
      [host, "<host>"],
      [host.split(".")[0]!, "<host>"],
      [user, "<user>"],
    ],
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? process.env.USERNAME ?? "";
  }
}

/** `text` without any of it. Folders of other users lose their owner's name. */
export function scrubbed(text: string, { folders, names }: Personal): string {
  let clean = text;
  for (const [folder, shown] of folders.toSorted(([a], [b]) => b.length - a.length)) {
    // file URLs have slashes everywhere, and JSON within texts has two backslashes
    const spellings = [folder, folder.replaceAll("\\", "/"), folder.replaceAll("\\", "\\\\")];
    if (folder.length > 1) for (const spelling of spellings) clean = clean.replaceAll(spelling, shown);
  }
  clean = clean.replaceAll(/([/\\](?:home|Users)[/\\]+)[^/\\\s'"`:;,)]+/g, "$1<user>");
  for (const [name, shown] of names) {
    if (name.length < 3 || common.includes(name.toLowerCase())) continue;
    clean = clean.replaceAll(new RegExp(`(?<![\\w-])${escaped(name)}(?![\\w-])`, "gi"), shown);
  }
  return clean;
}

const escaped = (name: string) => name.replaceAll(/[^\w]/g, "\\$&");

/** The same for all texts of a record, however deep. */
export function scrubbedJson(record: unknown, personal: Personal): string {
  const clean = (_: string, value: unknown) =>
    typeof value === "string" ? scrubbed(value, personal) : value;
  return `${JSON.stringify(record, clean, 2)}\n`;
}
