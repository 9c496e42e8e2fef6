import { defineConfig } from "vitest/config";

/** For main.ts: nothing here may start Node anew, which runs with another system's libraries. */
export default defineConfig({
  test: {
    pool: "threads",
    include: [
      "engine/ops/gpu/{variants,tune}.test.ts",
      "engine/kernel-tuning.test.ts",
      "engine/ops/conv2d.test.ts",
    ],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
  },
});
