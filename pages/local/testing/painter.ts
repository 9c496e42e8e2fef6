/** The engine in Node.js, in a process of its own so that it can be given another driver. CONTENT STYLE RESULT */
import { writeFile } from "node:fs/promises";
import { stylize } from "../../../engine/index.ts";
import { openContext } from "../../../engine/node.ts";
import { decodePicture, encodePicture } from "../../../pictures/index.ts";
import { loadNetwork } from "../../../weights/index.ts";
import { compared, settings, shallow } from "./network.ts";

const [contentPath, stylePath, resultPath] = process.argv.slice(2) as [string, string, string];
const { picture: content } = await decodePicture(contentPath);
const { picture: style } = await decodePicture(stylePath);
const context = await openContext();
const losses: number[] = [];
const { picture } = await stylize({
  ...settings,
  context,
  network: shallow(await loadNetwork(compared.name)),
  content,
  styles: [style],
  onIterate: ({ loss }) => void losses.push(loss),
});
await writeFile(resultPath, await encodePicture(picture, "png"));
console.log(JSON.stringify({ adapter: context.adapterName, losses }));
process.exit();
