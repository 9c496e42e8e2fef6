/**
 * `npx tsx .aws/feed.ts URL`: ids of the newest public results, a line each. For smoke.sh, since the command line has
 * no feed.
 */
import { ServiceClient } from "../client/index.ts";

const [url = ""] = process.argv.slice(2);
using service = new ServiceClient(url, { token: process.env.STYLIZE_TOKEN });
const { images } = await service.listImages({ limit: 100 });
for (const { jobId } of images) process.stdout.write(`${jobId}\n`);
