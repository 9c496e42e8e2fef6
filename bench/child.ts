/** The child process that measures one size: request in argv, measurement back over IPC. */
import { answer } from "./answer.ts";
import { measure } from "./measure.ts";

answer(measure);
