/** Which network paints in a browser. */
import type { BrowserAdapter, NetworkShape } from "../../../engine/browser.ts";
import { vgg19 } from "../../../engine/network/layers.ts";
import { compact, compactSmall, type ShippedNetwork } from "../../../weights/shipped.ts";

/** Of those that come with the pages: the quicker one where a processor plays the GPU. */
export const shippedFor = ({ isSoftware }: Pick<BrowserAdapter, "isSoftware">): ShippedNetwork =>
  isSoftware ? compactSmall : compact;

/** What is known of the network before it is there: an offered one is taken for VGG19, and hardly wider. */
export const expectedNetwork = (adapter: BrowserAdapter, isOffered: boolean): NetworkShape =>
  isOffered ? { layers: vgg19 } : shippedFor(adapter);
