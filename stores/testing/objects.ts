/** A FileObjectStore in a folder of its own, with a server that answers at its URLs. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createObjectRoutes } from "../file-object-routes.ts";
import { FileObjectStore } from "../file-object-store.ts";

export interface TestFileStore extends AsyncDisposable {
  readonly store: FileObjectStore;
  readonly folder: string;
  readonly url: string;
  /** What the routes reported. */
  readonly errors: readonly unknown[];
}

export async function startFileStore(): Promise<TestFileStore> {
  const folder = await mkdtemp(join(tmpdir(), "stylize-objects-"));
  let url = "";
  const store = await FileObjectStore.open(folder, { baseUrl: () => url });
  const errors: unknown[] = [];
  const handle = createObjectRoutes(store, { onError: (error) => errors.push(error) });
  const server = createServer(async (request, response) => {
    if (!(await handle(request, response))) response.writeHead(421).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dispose = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    await rm(folder, { recursive: true });
  };
  return { store, folder, url, errors, [Symbol.asyncDispose]: dispose };
}
