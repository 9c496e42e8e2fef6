/** Which of the networks that ship paints here when no other is asked for. */
import { openContext } from "../engine/node.ts";
import { type ShippedNetwork, shippedFor } from "../weights/shipped.ts";

export async function shippedHere(): Promise<ShippedNetwork> {
  using context = await openContext();
  return shippedFor(context);
}
