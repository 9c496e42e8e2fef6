import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { benchCommand } from "../options.ts";
import { againstTable } from "./bench.ts";
import { demoContest, stepContests } from "./contests.ts";

test("each size with each network", () => {
  const options = benchCommand().parse(["--sizes", "64,96", "--network", "compact,vgg19"], { from: "user" });
  expect(stepContests(options.opts()).map(({ size, name }) => [size, name])).toEqual([
    [64, "compact at 64 px"],
    [64, "vgg19 at 64 px"],
    [96, "compact at 96 px"],
    [96, "vgg19 at 96 px"],
  ]);
});

test("both sides have their networks in the table, and rounds are compared one by one", () => {
  const step = { size: 256, what: "step", network: "compact", earlierNetwork: "vgg19" } as const;
  const demo = { what: "cold demo", network: "compact", earlierNetwork: "generated network" } as const;
  const text = againstTable({
    against: "0123456789",
    comparisons: [
      { ...step, now: [500, 600, 400], earlier: [2000, 2000, 2000] },
      { ...demo, now: [20_000], earlier: [40_000] },
    ],
  });
  expect(text).toContain("| step | 256 | compact | 0.500 | vgg19 | 2.00 | 0.250 | 0.25 0.30 0.20 |");
  expect(text).toContain("| cold demo | - | compact | 20.0 | generated network | 40.0 | 0.500 | 0.50 |");
});

describe("a clone's demo", () => {
  let clone: string;
  beforeAll(() => {
    clone = mkdtempSync(join(realpathSync(tmpdir()), "stylize-clone-"));
  });
  afterAll(() => rmSync(clone, { recursive: true }));
  const have = (program: string, script = "node setup.mjs && tsx demo.ts 3") => {
    writeFileSync(join(clone, "package.json"), JSON.stringify({ scripts: { demo: script } }));
    writeFileSync(join(clone, "demo.ts"), program);
  };

  test("runs where it lies, without set-up, and tells its network", async () => {
    have('console.error("Adapter: x.\\nNetwork: " + process.argv[2] + " in " + process.cwd() + ".");');
    const { network, times } = await demoContest({}).measure(clone);
    expect(network).toBe(`3 in ${clone}`);
    expect([...times.keys()]).toEqual(["demo"]);
    expect(times.get("demo")).toBeGreaterThan(0);
  });

  test("runs with an empty shader cache, then with what is left there", async () => {
    have(`
      import { existsSync, writeFileSync } from "node:fs";
      const kernel = process.env.MESA_SHADER_CACHE_DIR + "/kernel";
      process.stderr.write("Network: " + (existsSync(kernel) ? "filled" : "empty") + ".\\n");
      writeFileSync(kernel, "");
    `);
    const contest = demoContest({ cold: true });
    expect(contest.prepare).toBeUndefined();
    const { network, times } = await contest.measure(clone);
    expect(network).toBe("filled");
    expect([...times.keys()]).toEqual(["cold demo", "demo"]);
  });

  test("that fails, or that there is none", async () => {
    have('throw new Error("no adapter");');
    await expect(demoContest({}).measure(clone)).rejects.toThrow("the demo said: Error: no adapter");
    have("", "node demo.mjs");
    await expect(demoContest({}).measure(clone)).rejects.toThrow("but received 'node demo.mjs'");
  });
});
