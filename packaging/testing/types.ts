/** What a compiler says to programs that use the painter's package. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { exampleOf, link } from "./package.ts";

const run = promisify(execFile);

/** Tests of declarations. `installPainter`: puts the painter's package into a new project, whose folder it returns. */
export function describeTypes(installPainter: () => string): void {
  describe("types", () => {
    const consumer = `
import { dryRun, type GpuContext, type Iterate, type Network, type Picture, StylizeError, stylize } from "stylize";
import * as browser from "stylize/browser";
import { type JobView, ServiceClient } from "stylize/client";
import { listAdapters, openContext } from "stylize/node";
import { decodePicture, savePicture } from "stylize/pictures";
import { readShader } from "stylize/shaders";
import { generatedNetwork, loadNetwork, pull } from "stylize/weights";
import { compact, generatedNetwork as same, readNetworkBlob, type ShippedNetwork } from "stylize/weights/browser";

using context: GpuContext = await openContext({ adapter: "llvmpipe" });
const network: Network = generatedNetwork();
const { picture: content } = await decodePicture("photo.jpg");
const losses: number[] = [];
const onIterate = ({ loss }: Iterate): void => void losses.push(loss);
const options = { context, network, content, styles: [content], onIterate };
const { picture }: { readonly picture: Picture } = await stylize(options);
export const bytes: number = (await dryRun(options)).peakBytes;
await savePicture("result.png", picture);
export const text: string = readShader("adam");
const found = await browser.findAdapter();
using other = await browser.openContext(found!.adapter, readShader);
export const size: number = found!.maxSize(network) + found!.maxSize(compact);
export const shipped: ShippedNetwork = compact;
using client = new ServiceClient("https://paint.example.org");
export const job: JobView = await client.job({ jobId: "1", token: "2" });
export const code: string = new StylizeError("no-adapter", "").code;
// @ts-expect-error
await openContext({ adapter: 1 });
// @ts-expect-error
await browser.openContext("adapter", 1);
// @ts-expect-error
readShader(1);
// @ts-expect-error
await savePicture(picture, "result.png");
// @ts-expect-error
await stylize({ ...options, size: "large" });
// @ts-expect-error
await loadNetwork(1);
// @ts-expect-error
await readNetworkBlob("bytes", 1);
// @ts-expect-error
same(1).layers;
// @ts-expect-error
await client.job({ jobId: 1 });
export { listAdapters, pull };
`;
    const device = `
import type { GpuContext } from "stylize";
export const bytes = ({ device }: GpuContext): number => device.limits.maxBufferSize;
// @ts-expect-error
export const none = ({ device }: GpuContext) => device.nothing;
`;

    const client = `declare const file: File;\n${exampleOf("docs/library.md", 'from "stylize/client"')}`;

    it.each([
      ["node16", "in a browser's terms", {}, [consumer, device, client]],
      ["bundler", "in a browser's terms", {}, [consumer, device, client]],
      ["node16", "with Node's types alone", { lib: ["es2022"], types: ["node"] }, [consumer]],
      ["bundler", "with Node's types alone", { lib: ["es2022"], types: ["node"] }, [consumer]],
    ])(
      "hold with %s's resolution %s, other libraries' declarations included",
      async (moduleResolution, _, own, texts) => {
        const project = installPainter();
        writeFileSync(join(project, "package.json"), '{"type":"module"}');
        for (const [i, text] of texts.entries()) writeFileSync(join(project, `program${i}.ts`), text);
        if ("types" in own) link(join(project, "node_modules"), "@types/node");
        const module = moduleResolution === "bundler" ? "esnext" : moduleResolution;
        const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
        const options = {
          ...strict,
          noEmit: true,
          target: "es2022",
          module,
          moduleResolution,
          types: [],
          ...own,
        };
        expect(await compile(project, { compilerOptions: options, include: ["*.ts"] })).toBe("");
      },
    );
  });
}

/** What the compiler says; "" where it has nothing to say. */
export async function compile(project: string, config: object): Promise<string> {
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
  const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = join(dirname(typescript), JSON.parse(readFileSync(typescript, "utf8")).bin.tsc);
  return run(process.execPath, [tsc, "-p", project]).then(
    ({ stdout }) => stdout,
    ({ stdout, message }) => stdout || message,
  );
}
