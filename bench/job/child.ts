/** The child process of a job: request in argv, answer over IPC. */
import { answer } from "../answer.ts";
import type { JobRequest } from "./report.ts";
import { evaluate, runJob } from "./run.ts";

answer((request: JobRequest) => (request.kind === "run" ? runJob(request) : evaluate(request)));
