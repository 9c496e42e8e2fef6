/**
 * What stands in the worker's container for its image: the real worker, or the stand-in where the style's name asks for
 * something that no picture does.
 */
import { testStyles } from "../../../gateway/testing/service.ts";

const style = process.argv[3]!;
await import(testStyles.includes(style) ? "../../../gateway/testing/worker.ts" : "../../../worker/main.ts");
