/** What operators watch, in Prometheus' text format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { isTerminal, type RequestErrorCode } from "../protocol/protocol.ts";
import type { JobRecord } from "../stores/job-store.ts";
import type { Round } from "./reconciler.ts";

export interface MetricSources {
  readonly connections: () => number;
  readonly queueDepth: () => Promise<number | undefined>;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #jobs = new Counter({
    name: "stylize_jobs_total",
    help: "Changes of jobs that this gateway stored, by the state they came to.",
    labelNames: ["status"],
    registers: [this.registry],
  });
  readonly #active = new Gauge({
    name: "stylize_active_jobs",
    help: "Jobs that had not ended at the reconciler's last round, by their state.",
    labelNames: ["status"],
    registers: [this.registry],
  });
  readonly #queueAge = new Gauge({
    name: "stylize_queue_age_seconds",
    help: "For how long the oldest job in the queue had waited then.",
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: "stylize_job_seconds",
    help: "From the request to the end of a job that succeeded.",
    buckets: [1, 5, 15, 30, 60, 120, 300, 600, 1800],
    registers: [this.registry],
  });
  readonly #newsSeconds = new Histogram({
    name: "stylize_news_seconds",
    help: "From the moment that news were published to their being handled.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60],
    registers: [this.registry],
  });
  readonly #refused = new Counter({
    name: "stylize_refused_total",
    help: "Requests that were refused, by the code that the client was told.",
    labelNames: ["code"],
    registers: [this.registry],
  });
  readonly #errors = new Counter({
    name: "stylize_errors_total",
    help: "Errors that nobody foresaw, by where they occurred.",
    labelNames: ["where"],
    registers: [this.registry],
  });

  constructor({ connections, queueDepth }: MetricSources) {
    const { registry } = this;
    collectDefaultMetrics({ register: registry });
    const gauge = (name: string, help: string, read: () => Promise<number | undefined>) =>
      new Gauge({
        name,
        help,
        registers: [registry],
        async collect() {
          const value = await read().catch(() => undefined);
          if (value === undefined) this.reset();
          else this.set(value);
        },
      });
    gauge("stylize_connections", "Clients connected to this gateway.", async () => connections());
    gauge("stylize_queue_messages", "News that wait in the queue.", queueDepth);
  }

  round(round: Round): void {
    for (const status of ["queued", "starting", "running"] as const)
      this.#active.set({ status }, round[status]);
    this.#queueAge.set(round.oldestQueuedMs / 1000);
  }

  changed({ status, createdAt, endedAt }: JobRecord): void {
    if (!isTerminal(status)) return;
    this.#jobs.inc({ status });
    if (status === "succeeded") this.#seconds.observe((endedAt! - createdAt) / 1000);
  }

  news(sentAt: number): void {
    this.#newsSeconds.observe(Math.max(0, Date.now() - sentAt) / 1000);
  }

  refused(code: RequestErrorCode): void {
    this.#refused.inc({ code });
  }

  error(where: string): void {
    this.#errors.inc({ where });
  }
}
