import { afterEach, describe, expect, it, vi } from "vitest";
import { startFauxqs } from "../stores/testing/s3.ts";
import { parseConfig } from "./config.ts";
import { openStores } from "./stores.ts";
import { TestService } from "./testing/service.ts";

afterEach(() => vi.unstubAllEnvs());

const key = `private/checkpoint/${"0".repeat(32)}`;
const body = Buffer.from("step 1");
const contentType = "application/octet-stream";

describe("openStores", () => {
  it("opens folders", async () => {
    await using service = await TestService.open();
    const { objects, publisher } = await openStores(parseConfig(service.env), {});
    await objects.put(key, body, { contentType });
    expect((await service.objects.get(key))?.body).toEqual(body);
    const message = { requestId: `socket::${"0".repeat(32)}`, failure: "internal" };
    await publisher.publish(JSON.stringify(message));
    await vi.waitFor(() => expect(service.messages).toEqual([message]));
  });

  it("opens a bucket and a queue where the SDK's variables say", async () => {
    await using fauxqs = await startFauxqs();
    const { server, environment } = fauxqs;
    server.createBucket("pictures");
    const { queueUrl } = server.createQueue("news");
    const env = { ...environment, STYLIZE_OBJECTS: "s3://pictures", STYLIZE_QUEUE: queueUrl };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { objects, publisher } = await openStores(parseConfig(env), env);
    await objects.put(key, body, { contentType });
    expect(Buffer.from((await objects.get(key))!.body)).toEqual(body);
    await publisher.publish("news");
    expect(server.inspectQueue("news")!.messages.ready).toHaveLength(1);
  });
});
