/**
 * Loaded in front of a worker, it leaves a file that names the job and the process in the folder TEST_WORKERS, if there
 * is one.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { jobIdOf } from "../../protocol/protocol.ts";

const folder = process.env.TEST_WORKERS;
const requestId = process.argv[4];
if (folder && requestId) writeFileSync(join(folder, `${jobIdOf(requestId)}.${process.pid}`), "");
