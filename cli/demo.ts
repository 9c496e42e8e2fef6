/** `npm run demo`: the example photo in the manner of an example painting, small enough for a processor. */
import { fileURLToPath } from "node:url";
import { endIfHungUp } from "../common/terminal.ts";
import { run } from "./run.ts";

const example = (name: string) => fileURLToPath(new URL(`../examples/${name}.jpg`, import.meta.url));
const pictures = [example("astronaut"), "--style", example("auvers"), "-o", "demo.png"];
const sizes = ["--size", "320", "--min-size", "113", "--scale-steps", "25", "--steps", "16"];

process.exitCode = await run([...pictures, ...sizes, ...process.argv.slice(2)], process);
endIfHungUp();
