import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The slowest files, as their paths end: half a minute and more. The others follow in vitest's own order. */
const slowest = [
  "/compile-ahead.test.ts",
  "/worker/main.test.ts",
  "/pytorch.test.ts",
  "/tests/weights.test.ts",
  "/dry-run.test.ts",
  "/first-run.test.ts",
  "/large-pictures.test.ts",
  "/local.test.ts",
  "/faults-painting.test.ts",
  "/kernel-tuning.test.ts",
  "/package.test.ts",
  "/kernels-convolution.test.ts",
  "/kernels-matrix.test.ts",
];

/** Begins with what takes longest, so that none of it is left alone at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = slowest.findIndex((end) => moduleId.endsWith(end));
      return at < 0 ? slowest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

/** What `npm run test:quick` leaves out: files that take more than some six seconds alone. */
const slow = [
  "**/*.browser.test.ts",
  "**/faults-*.test.ts",
  "tests/**",
  "packaging/**",
  ".aws/{scripts,tests/deployed,tests/tools}.test.ts",
  "bench/gpu-report/gpu-report.test.ts",
  "cli/{devices,first-run,hang-up,lost-network,request,run}.test.ts",
  "client/client.test.ts",
  "engine/{checkpoint,compile-ahead,dry-run,dry-run-parts,stylize}.test.ts",
  "engine/ops/{chain,conv2d,losses,pool,widths}.test.ts",
  "engine/ops/gpu/large-pictures.test.ts",
  "gateway/{gateway,main,trace}.test.ts",
  "pages/local/local.test.ts",
  "setup/as-called.test.ts",
  "stores/{job-queues,job-store,message-queues,redis,sqs-message-queue}.test.ts",
  "weights/{load,download/pull-*,formats/damage}.test.ts",
  "worker/{job,main}.test.ts",
];

export default defineConfig(({ mode }) => ({
  test: {
    pool: "forks",
    include: ["**/*.test.ts"],
    globalSetup: "tests/programs.ts",
    exclude: ["**/node_modules/**", "**/dist/**", ...(mode === "quick" ? slow : [])],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Tests of the service mostly wait for processes and networks, those of the engine for one thread that compiles:
    // three files at a time keep two cores busy. What a test waits for must therefore not depend on how long it takes.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
}));
