/** Picture files in and out; the only place that knows their formats. */
export * from "./decode.ts";
export * from "./encode.ts";
export * from "./resize.ts";
export type { Transparency } from "./samples.ts";
export { checkWritable, writeFailed, writeFileSafely } from "./write-file.ts";
