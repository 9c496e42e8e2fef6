/**
 * Paints the pairs that networks are judged by: `npx tsx weights/compact/paint.ts PAIRS OUT [options]`.
 *
 * PAIRS has NN-content.png and NN-style.png (pairs.py writes them); OUT gets NN.png.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Network, type NetworkDefaults, stylize } from "../../engine/index.ts";
import { openContext } from "../../engine/node.ts";
import { decodePicture, encodePicture, longSide } from "../../pictures/index.ts";
import { writeFileSafely } from "../../pictures/write-file.ts";
import { loadNetwork } from "../load.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    network: { type: "string", default: "compact" },
    size: { type: "string", default: "256" },
    "min-size": { type: "string", default: "128" },
    steps: { type: "string" },
    "scale-steps": { type: "string" },
    /** At most so long a picture, from the first step of the run on: for networks of unlike speed. */
    seconds: { type: "string" },
    only: { type: "string" },
    /** JSON of what differs from the network's defaults: {"contentWeight": 0.05}. */
    defaults: { type: "string", default: "{}" },
  },
});
const [pairs, out] = positionals;
if (pairs === undefined || out === undefined)
  throw new Error("Expected a folder of pairs and one for results.");

mkdirSync(out, { recursive: true });
const loaded = await loadNetwork(values.network);
const defaults: NetworkDefaults = { ...loaded.defaults, ...JSON.parse(values.defaults) };
const network: Network = { ...loaded, defaults };
using context = await openContext();
const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const [size, minSize] = [Number(values.size), Number(values["min-size"])];
for (const name of readdirSync(pairs)
  .filter((file) => file.endsWith("-content.png"))
  .sort()) {
  const id = name.slice(0, 2);
  if (values.only !== undefined && !values.only.split(",").includes(id)) continue;
  const read = async (kind: string) => (await decodePicture(join(pairs, `${id}-${kind}.png`))).picture;
  const content = longSide(await read("content"), size, name);
  const seconds = number(values.seconds);
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(1000 * seconds);
  const started = performance.now();
  const { picture, aborted } = await stylize({
    context,
    network,
    content,
    styles: [await read("style")],
    size,
    minSize,
    steps: number(values.steps),
    scaleSteps: number(values["scale-steps"]),
    signal,
  });
  await writeFileSafely(join(out, `${id}.png`), await encodePicture(picture, "png", {}));
  console.log(id, `${((performance.now() - started) / 1000).toFixed(1)} s${aborted ? ", stopped" : ""}`);
}
