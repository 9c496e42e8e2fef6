/** What the service takes; while it has not said so, what it takes when nobody has set anything else. */
import { useEffect, useState } from "preact/hooks";
import type { Site } from "../../gateway/site.ts";
import { site } from "../service.ts";

const usual: Site = {
  maxImageBytes: 20_000_000,
  maxPixels: 50_000_000,
  maxSize: 1536,
  maxSteps: 500,
  needsLogin: false,
};

export const limits = (): Promise<Site> => site().catch(() => usual);

export function useLimits(): Site {
  const [present, setPresent] = useState(usual);
  useEffect(() => void limits().then(setPresent), []);
  return present;
}
