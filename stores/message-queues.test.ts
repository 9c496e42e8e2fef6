/** What holds for every message queue: the same tests over files and over SQS. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { FileMessageQueue } from "./file-message-queue.ts";
import { type MessageQueue, maxMessageBytes, maxReceives } from "./message-queue.ts";
import { SqsMessageQueue } from "./sqs-message-queue.ts";
import { startSqs } from "./testing/sqs.ts";

interface Options {
  readonly handlers?: number;
  readonly visibilitySeconds?: number;
  readonly onError?: (error: unknown) => void;
}

/** Somewhere for a queue, and as many users of it as a test wants. */
interface Place extends AsyncDisposable {
  queue(options?: Options): MessageQueue;
  /** Source of an expression that makes the same queue in another process. */
  readonly source: string;
  /** Messages put aside. */
  dead(): number;
  /** Messages that wait or are being handled. */
  left(): number;
}

const moduleUrl = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

async function inFiles(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "message-queue-"));
  const count = (name: string) => readdirSync(join(folder, name)).length;
  return {
    queue: ({ visibilitySeconds = 30, ...options } = {}) =>
      new FileMessageQueue(folder, { ...options, visibilityMs: visibilitySeconds * 1000, retryMs: 0 }),
    source: `new (await import(${moduleUrl("./file-message-queue.ts")})).FileMessageQueue(${JSON.stringify(folder)})`,
    dead: () => count("dead"),
    left: () => count("new") + count("ready") + count("claimed"),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }),
  };
}

async function inSqs(): Promise<Place> {
  const sqs = await startSqs("results");
  const queue = sqs.queues[0]!;
  const inOther = JSON.stringify({ ...queue.options, visibilitySeconds: 2 });
  return {
    queue: (options = {}) => new SqsMessageQueue({ ...queue.options, ...options, retryMs: 0 }),
    source: `new (await import(${moduleUrl("./sqs-message-queue.ts")})).SqsMessageQueue(${inOther})`,
    dead: queue.dead,
    left: queue.left,
    [Symbol.asyncDispose]: () => sqs[Symbol.asyncDispose](),
  };
}

/** A receiver that is stopped when the test ends, well or not. */
function receiving(queue: MessageQueue, handle: (body: string, sentAt: number) => Promise<void> | void) {
  const receiver = queue.receive(async (body, { sentAt }) => handle(body, sentAt));
  return { stop: () => receiver.stop(), [Symbol.asyncDispose]: () => receiver.stop() };
}

const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

describe.each([
  ["files", inFiles],
  ["SQS", inSqs],
] as const)("a message queue in %s", (_name, open) => {
  test("hands over what is published, once, with the time it was sent", async () => {
    await using place = await open();
    const before = Date.now();
    await place.queue().publish('{"text":"héllo\\n"}');
    await place.queue().publish("second");
    expect(await place.queue().depth()).toBe(2);

    const got = new Map<string, number>();
    await using _ = receiving(place.queue(), (body, sentAt) => void got.set(body, sentAt));
    await soon(() => expect(place.left()).toBe(0));
    expect([...got.keys()].sort()).toEqual(["second", '{"text":"héllo\\n"}']);
    for (const sentAt of got.values()) {
      expect(sentAt).toBeGreaterThanOrEqual(before);
      expect(sentAt).toBeLessThanOrEqual(Date.now());
    }
    expect(await place.queue().depth()).toBe(0);
  });

  test("a receiver that waits already gets a new message, and the same body twice is two messages", async () => {
    await using place = await open();
    const got: string[] = [];
    await using _ = receiving(place.queue(), (body) => void got.push(body));
    await place.queue().publish("same");
    await soon(() => expect(got).toEqual(["same"]));
    await place.queue().publish("same");
    await soon(() => expect(got).toEqual(["same", "same"]));
  });

  test("1,000 messages for three receivers: each is handled, none by two at a time", async () => {
    await using place = await open();
    const handled = new Set<string>();
    const active = new Set<string>();
    let overlaps = 0;
    const handle = async (body: string) => {
      if (active.has(body)) overlaps++;
      active.add(body);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      active.delete(body);
      handled.add(body);
    };
    await using _a = receiving(place.queue(), handle);
    await using _b = receiving(place.queue(), handle);
    const publisher = place.queue();
    const bodies = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    for (let i = 0; i < 1000; i += 20) {
      await Promise.all(bodies.slice(i, i + 20).map((body) => publisher.publish(body)));
    }
    await using _c = receiving(place.queue(), handle);
    await soon(() => expect(handled.size).toBe(1000));
    await soon(() => expect(place.left()).toBe(0));
    expect([...handled].sort()).toEqual(bodies.sort());
    expect(overlaps).toBe(0);
    expect(place.dead()).toBe(0);
  });

  test("as many at a time as there are handlers, and no more", async () => {
    await using place = await open();
    for (let i = 0; i < 12; i++) await place.queue().publish(String(i));
    let active = 0;
    let most = 0;
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    await using _ = receiving(place.queue({ handlers: 4 }), async () => {
      most = Math.max(most, ++active);
      await gate;
      active--;
    });
    await soon(() => expect(active).toBe(4));
    go();
    await soon(() => expect(place.left()).toBe(0));
    expect(most).toBe(4);
  });

  test("a handler that throws gets its message again; what it threw is told", async () => {
    await using place = await open();
    await place.queue().publish("twice");
    let tries = 0;
    const errors: unknown[] = [];
    await using _ = receiving(place.queue({ onError: (error) => errors.push(error) }), () => {
      if (++tries === 1) throw new Error("not yet");
    });
    await soon(() => expect(place.left()).toBe(0));
    expect(tries).toBe(2);
    expect(errors).toMatchObject([{ message: "not yet" }]);
    expect(place.dead()).toBe(0);
  });

  test("a message that always fails is put aside after five tries, and the others go on", async () => {
    await using place = await open();
    await place.queue().publish("poison");
    await place.queue().publish("good");
    const tries = { poison: 0, good: 0 };
    await using _ = receiving(place.queue(), (body) => {
      tries[body as keyof typeof tries]++;
      if (body === "poison") throw new Error("never");
    });
    await soon(() => expect(place.dead()).toBe(1));
    await soon(() => expect(place.left()).toBe(0));
    expect(tries).toEqual({ poison: maxReceives, good: 1 });
  });

  test("a receiver that is killed loses nothing: the next one gets its message", async () => {
    await using place = await open();
    await place.queue().publish("precious");
    const script = `const queue = ${place.source}; queue.receive((body) => { console.log(body); return new Promise(() => {}); });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [said] = await once(child.stdout, "data");
      expect(String(said)).toBe("precious\n");
    } finally {
      child.kill("SIGKILL");
    }
    await once(child, "close");
    expect(place.left()).toBe(1);

    const got: string[] = [];
    await using _ = receiving(place.queue(), (body) => void got.push(body));
    await soon(() => expect(got).toEqual(["precious"]));
    await soon(() => expect(place.left()).toBe(0));
  });

  test("a handler slower than the visibility timeout keeps its message", async () => {
    await using place = await open();
    await place.queue().publish("slow");
    let tries = 0;
    const handle = async () => {
      tries++;
      await new Promise((resolve) => setTimeout(resolve, 3_500));
    };
    await using _a = receiving(place.queue({ visibilitySeconds: 1 }), handle);
    await using _b = receiving(place.queue({ visibilitySeconds: 1 }), handle);
    await soon(() => expect(place.left()).toBe(0));
    expect(tries).toBe(1);
  });

  test("stop finishes what is at hand, and takes nothing more", async () => {
    await using place = await open();
    await place.queue().publish("first");
    const events: string[] = [];
    let go = () => {};
    const receiver = receiving(place.queue(), async (body) => {
      events.push(`${body} begins`);
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      events.push(`${body} ends`);
    });
    await soon(() => expect(events).toEqual(["first begins"]));
    const stopped = receiver.stop().then(() => events.push("stopped"));
    await place.queue().publish("second");
    go();
    await stopped;
    expect(events).toEqual(["first begins", "first ends", "stopped"]);
    expect(place.left()).toBe(1);
  });

  test("stop does not wait for a poll that finds nothing", async () => {
    await using place = await open();
    const receiver = receiving(place.queue(), () => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    const begun = performance.now();
    await receiver.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test("refuses a body that is too long, in bytes of UTF-8", async () => {
    await using place = await open();
    await expect(place.queue().publish("é".repeat(maxMessageBytes / 2 + 1))).rejects.toMatchObject({
      name: "StoreError",
      retryable: false,
    });
    const longest = "é".repeat(maxMessageBytes / 2);
    await place.queue().publish(longest);
    let got = "";
    await using _ = receiving(place.queue(), (body) => {
      got = body;
    });
    await soon(() => expect(place.left()).toBe(0));
    expect(got).toBe(longest);
  });

  test("check passes where there is a queue", async () => {
    await using place = await open();
    await place.queue().check();
  });
});
