/** A process of the report that uses the adapter: what it dies of costs the others nothing. */
import { answer } from "../processes.ts";
import { describeAdapter } from "./adapter.ts";
import type { ChildRequest } from "./requests.ts";

answer(async (request: ChildRequest) => {
  switch (request.part) {
    case "adapter":
      return describeAdapter(request);
    case "self-test":
      return (await import("./self-test.ts")).runSelfTests(request);
    case "operations":
      return (await import("./operations.ts")).testOperations(request);
    case "peaks":
      return (await import("./peaks.ts")).measurePeaks(request);
    case "tuning":
      return (await import("./tuning.ts")).tuneAll(request);
    default:
      request satisfies never;
  }
});
