/** How often one client may do what, counted in Redis or in memory; and how much one gateway does at a time. */
import type { Cluster, Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { RequestErrorCode } from "../protocol/protocol.ts";
import type { Config } from "./config.ts";
import { RequestFailure } from "./request-failure.ts";

export type LimitName = "requests" | "jobs" | "jobsOfDay";

const codes: Readonly<Record<LimitName, RequestErrorCode>> = {
  requests: "too-many-requests",
  jobs: "too-many-requests",
  jobsOfDay: "daily-limit",
};

export interface Limits {
  /** Counts one more. Throws RequestFailure with the time to wait where it is too many. */
  count(name: LimitName, client: string): Promise<void>;
  /** Does `work` unless too much of it is being done already: then it throws RequestFailure `unavailable` at once. */
  atOnce<T>(work: () => Promise<T>): Promise<T>;
}

export function createLimits(config: Config, redis?: Redis | Cluster): Limits {
  const limiter = (name: LimitName, points: number, duration: number) => {
    const memory = new RateLimiterMemory({ points, duration });
    if (!redis) return memory;
    // While Redis is away each gateway counts by itself: a looser limit is better than none, and than no service.
    return new RateLimiterRedis({
      storeClient: redis,
      keyPrefix: `limit:${name}`,
      points,
      duration,
      insuranceLimiter: memory,
    });
  };
  const limiters = {
    requests: limiter("requests", config["requests-per-minute"], 60),
    jobs: limiter("jobs", config["jobs-per-minute"], 60),
    jobsOfDay: limiter("jobsOfDay", config["jobs-per-day"], 86_400),
  };
  let atOnce = 0;
  return {
    async count(name, client) {
      try {
        await limiters[name].consume(client);
      } catch (reason) {
        if (!(reason instanceof RateLimiterRes)) throw reason;
        throw new RequestFailure(codes[name], { retryAfterMs: reason.msBeforeNext });
      }
    },
    async atOnce(work) {
      if (atOnce >= config["requests-at-once"])
        throw new RequestFailure("unavailable", { retryAfterMs: Math.round(1000 + Math.random() * 4000) });
      atOnce++;
      try {
        return await work();
      } finally {
        atOnce--;
      }
    },
  };
}
