/**
 * Writes "yes" where workers on this machine have a GPU, "no" where a processor plays one, and fails where there is no
 * adapter at all. A process of its own, so that a driver that crashes takes nobody along.
 */
import { openContext } from "../engine/node.ts";

const { isSoftware } = await openContext();
process.stdout.write(isSoftware ? "no" : "yes");
process.exit(0); // an open device keeps the process alive
