/** Which network paints in a browser. */
import type { BrowserAdapter, NetworkShape } from "../../engine/browser.ts";
import { vgg19 } from "../../engine/network/layers.ts";
import { shippedFor } from "../../weights/shipped.ts";

/** What is known of the network before it is there: an offered one is taken for VGG19, and hardly wider. */
export const expectedNetwork = (adapter: BrowserAdapter, isOffered: boolean): NetworkShape =>
  isOffered ? { layers: vgg19 } : shippedFor(adapter);
