import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Tensor } from "../../weights/formats/safetensors.ts";
import { generatedNetwork } from "../../weights/generated.ts";
import { loadNetwork } from "../../weights/load.ts";
import { torchvisionIndex } from "../../weights/naming.ts";
import { encodeSafetensors } from "../../weights/testing/tensors.ts";
import { fetchNetwork } from "./network.ts";

let server: Server;
let url: string;
let folder: string;
let bytes: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-network-"));
  const tensors = new Map<string, Tensor>();
  const { layers, weights } = generatedNetwork();
  for (const layer of layers) {
    const { weight, bias } = weights.get(layer.name)!;
    const shape = [layer.outChannels, layer.inChannels, 3, 3];
    tensors.set(`features.${torchvisionIndex(layer)}.weight`, { shape, data: weight });
    tensors.set(`features.${torchvisionIndex(layer)}.bias`, { shape: [layer.outChannels], data: bias });
  }
  bytes = encodeSafetensors(tensors, { preprocessing: "torchvision" });
  await writeFile(join(folder, "vgg19.safetensors"), bytes);
  server = createServer((request, response) => {
    if (request.url === "/broken.safetensors") {
      response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 100_000));
      setTimeout(() => response.destroy(), 50);
    } else if (request.url === "/vgg19.safetensors") {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    } else response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

it("fetches the network that Node.js loads from the same file, and tells how far it is", async () => {
  const fractions: number[] = [];
  const fetched = await fetchNetwork(`${url}/vgg19.safetensors`, (fraction) => fractions.push(fraction));
  const loaded = await loadNetwork(join(folder, "vgg19.safetensors"));
  expect(fetched.name).toBe(loaded.name);
  expect(fetched.preprocessing).toEqual(loaded.preprocessing);
  expect([...fetched.weights.keys()]).toEqual([...loaded.weights.keys()]);
  for (const [name, { weight, bias }] of loaded.weights) {
    const other = fetched.weights.get(name)!;
    expect(Buffer.from(other.weight.buffer).equals(Buffer.from(weight.buffer))).toBe(true);
    expect(other.bias).toEqual(bias);
  }
  expect(fractions.length).toBeGreaterThan(1);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.at(-1)).toBe(1);
});

it.each([
  ["that is not there", "/none", /but the answer was 404\.$/],
  ["whose connection breaks", "/broken.safetensors", /but the connection failed/],
])("refuses a network %s", async (_, path, message) => {
  await expect(fetchNetwork(url + path, () => {})).rejects.toMatchObject({
    code: "download-failed",
    message: expect.stringMatching(message),
  });
});
