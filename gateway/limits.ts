/** How often one client may do what. Counted in Redis for all gateways together, or in memory. */
import type { Cluster, Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { Config } from "./config.ts";
import type { RequestErrorCode } from "./protocol.ts";
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
  return {
    async count(name, client) {
      try {
        await limiters[name].consume(client);
      } catch (reason) {
        if (!(reason instanceof RateLimiterRes)) throw reason;
        throw new RequestFailure(codes[name], { retryAfterMs: reason.msBeforeNext });
      }
    },
  };
}
