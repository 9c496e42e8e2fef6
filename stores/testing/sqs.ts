/** SQS for tests: an emulator in this process, spoken to over the wire. */
import { maxReceives } from "../message-queue.ts";
import { startFauxqs } from "./s3.ts";

export interface TestQueue {
  /** What SqsMessageQueue takes. */
  readonly options: {
    readonly queueUrl: string;
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Messages in the dead-letter queue. */
  dead(): number;
  /** Messages in the queue, those that wait and those that are being handled. */
  left(): number;
}

/** A server with queues of `names`, each with its own dead-letter queue. */
export async function startSqs(...names: readonly string[]) {
  const { server, endpoint, region, credentials, ...fauxqs } = await startFauxqs();
  const queues = names.map((name): TestQueue => {
    const dead = server.createQueue(`${name}-dead`);
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: dead.queueArn,
      maxReceiveCount: maxReceives,
    });
    const { queueUrl } = server.createQueue(name, { attributes: { RedrivePolicy } });
    return {
      options: { queueUrl, endpoint, region, credentials },
      dead: () => server.inspectQueue(`${name}-dead`)!.messages.ready.length,
      left: () => {
        const { ready, delayed, inflight } = server.inspectQueue(name)!.messages;
        return ready.length + delayed.length + inflight.length;
      },
    };
  });
  return { queues, [Symbol.asyncDispose]: fauxqs[Symbol.asyncDispose] };
}
