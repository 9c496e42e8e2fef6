/** The child process that measures one size: request in argv, measurement back over IPC. */
import { measure } from "./measure.ts";
import type { MeasureRequest } from "./report.ts";

const request: MeasureRequest = JSON.parse(process.argv[2]!);

measure(request).then(
  (measurement) => process.send!({ measurement }, () => process.exit(0)),
  (error: unknown) => {
    const problem = error instanceof Error ? error.message : String(error);
    process.send!({ problem }, () => process.exit(1));
  },
);
