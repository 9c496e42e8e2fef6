import { defineConfig } from "vitest/config";

/** Tests of the service mostly wait for processes and networks. */
const service = [
  "gateway/**/*.test.ts",
  "pages/**/*.test.ts",
  "client/**/*.test.ts",
  "stores/**/*.test.ts",
  ".aws/**/*.test.ts",
];
const never = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 300_000,
    hookTimeout: 300_000,
    projects: [
      {
        extends: true,
        test: {
          name: "engine",
          include: ["**/*.test.ts"],
          exclude: [...never, ...service],
          // A software adapter uses all cores by itself: files run one after the other, so that none starves.
          fileParallelism: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "service",
          include: service,
          exclude: never,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
