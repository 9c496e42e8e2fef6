/**
 * Runs a program of this clone where the user stands: `tsx setup/as-called.mjs cli/main.ts ...` in a script of
 * package.json.
 *
 * npm runs scripts in the package's folder and keeps that of its caller in INIT_CWD. Names of files are meant as the
 * caller sees them, so the program runs there, and what it says is right there, too. Only scripts start programs in
 * this way: one that is started otherwise stays where it is, whatever INIT_CWD it inherited.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [node, , program = "", ...args] = process.argv;
const file = resolve(program);
const { INIT_CWD } = process.env;
if (INIT_CWD) goTo(INIT_CWD);
process.argv = [/** @type {string} */ (node), file, ...args];
await import(pathToFileURL(file).href);

/** @param {string} folder */
function goTo(folder) {
  try {
    process.chdir(folder);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    console.error(
      `error: Expected the folder '${folder}', from which npm was called, but the system says ${code}.`,
    );
    process.exit(2);
  }
}
