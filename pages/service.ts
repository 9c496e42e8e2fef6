/** The one connection to the service that all pages share, and what the service says of itself. */
import { useEffect, useState } from "preact/hooks";
import { type Connection, ServiceClient } from "../client/index.ts";
import type { Site } from "../protocol/protocol.ts";

export const service = new ServiceClient(location.origin);

export function useConnection(): Connection {
  const [connection, setConnection] = useState(service.connection);
  useEffect(() => service.onConnection(setConnection), []);
  return connection;
}

let loading: Promise<Site> | undefined;

/** `/site.json` of the gateway. Rejects where there is no answer; the next call asks again. */
export function site(): Promise<Site> {
  loading ??= fetch("/site.json")
    .then((response) => {
      if (!response.ok) throw new Error(`Expected /site.json but received status ${response.status}.`);
      return response.json() as Promise<Site>;
    })
    .catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
  return loading;
}

/** What the service takes when nobody has set anything else. */
const usual: Site = {
  maxImageBytes: 20_000_000,
  maxPixels: 50_000_000,
  maxSize: 1536,
  maxSteps: 500,
  needsLogin: false,
};

/** What the service takes; while it has not said so, the usual. */
export const limits = (): Promise<Site> => site().catch(() => usual);

export function useLimits(): Site {
  const [present, setPresent] = useState(usual);
  useEffect(() => void limits().then(setPresent), []);
  return present;
}
