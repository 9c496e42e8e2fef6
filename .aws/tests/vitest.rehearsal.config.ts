import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [".aws/tests/*.rehearsal.ts"],
    fileParallelism: false,
    pool: "forks",
    testTimeout: 300_000,
  },
});
