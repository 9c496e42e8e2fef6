/** The files of shaders/. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../shaders/", import.meta.url));

const namesIn = (folder: string): readonly string[] =>
  readdirSync(`${root}${folder}`)
    .filter((file) => file.endsWith(".wgsl"))
    .map((file) => `${folder}${file.replace(/\.wgsl$/, "")}`);

/** Names of kernels, and of what they share, as a `ShaderSource` takes them. */
export const kernelFiles = namesIn("");
export const sharedFiles = namesIn("lib/");
