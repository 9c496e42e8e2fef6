/** The text of all kernels, bundled: a part of its own, loaded only when a picture is painted here. */
import type { ShaderSource } from "../../engine/gpu/context.ts";

const folder = "../../shaders/";
const texts = import.meta.glob<string>("../../shaders/**/*.wgsl", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const readShader: ShaderSource = (name) => {
  const text = texts[`${folder}${name}.wgsl`];
  if (text === undefined) throw new Error(`Expected a shader '${name}' but there is none of that name.`);
  return text;
};
