/** This clone, and an earlier commit of it in a folder of its own. */
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder } from "../children.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Throws where `ref` is none. */
export const commitOf = (ref: string): string => git("rev-parse", "--short=10", `${ref}^{commit}`);

/** Runs `use` with a folder that has `commit` checked out and this clone's packages. */
export async function withWorktree(commit: string, use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (scratch) => {
    const folder = join(scratch, "earlier");
    git("worktree", "add", "--detach", folder, commit);
    try {
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
      await use(folder);
    } finally {
      git("worktree", "remove", "--force", folder);
    }
  });
}

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (status === 0) return stdout.trim();
  throw new Error(`git ${args.join(" ")}: ${stderr?.trim() || "git could not be run"}`);
}
