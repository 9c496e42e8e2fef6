import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["node_modules/**", "dist/**"],
    // A software adapter uses all cores by itself: files run one after the other, so that none starves.
    fileParallelism: false,
    pool: "forks",
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
