import { expect, test } from "vitest";
import { spreadOf } from "./report.ts";
import { peerTable, profileTables, startTable, stepTable } from "./tables.ts";
import { exampleAdapter, exampleMachine, exampleMeasurement, examplePeer } from "./testing/examples.ts";

const vgg19 = exampleMeasurement(64, 100);
const compact = { ...exampleMeasurement(64, 50), network: "compact", restored: 2 } as const;

test("steps of each network, with the operations of its own and the peak of the process's memory", () => {
  const text = stepTable([vgg19, compact], exampleMachine);
  expect(text).toContain("| vgg19 | 64 | 0.100 | 0.100 | - | - | - | 59.2 | - | 500.0 MB | 1000.0 MB |");
  expect(text).toContain("| compact | 64 | 0.0500 | 0.0500 | - | - | - | 29.7 | - | 500.0 MB | 1000.0 MB |");
  expect(text).toContain("threw away: 2 with compact at 64 px.");
});

test("the floor is that of the network", () => {
  const adapter = { ...exampleAdapter, family: "gpu", device: "NVIDIA T4" } as const;
  const text = stepTable(
    [
      { ...exampleMeasurement(512, 97), adapter },
      { ...exampleMeasurement(512, 97), adapter, network: "compact" },
    ],
    exampleMachine,
  );
  expect(text).toMatch(/\| vgg19 \| 512 \|.*\| 50 % \|/);
  expect(text).toMatch(/\| compact \| 512 \|.*\| 13 % \|/);
});

test("starts and profiles name the network", () => {
  expect(startTable([compact])).toContain("| compact | 64 | warm |");
  expect(profileTables(compact)).toEqual([]);
  const profile = { total: 4, kernels: [], layers: [{ name: "conv1_1", count: 2, ms: 1 }] };
  expect(profileTables({ ...compact, profile }).join()).toContain(
    "Loss and gradient, compact at 64 px: 4.0 ms",
  );
});

test("peers stand beside the network they were given", () => {
  const text = peerTable(
    [vgg19, compact],
    [
      examplePeer("old", 64, 200),
      { ...examplePeer("new", 64, 25), network: "compact" },
      { size: 64, network: "compact", engine: "missing", problem: "is not installed" },
    ],
  );
  expect(text).toMatch(/\| vgg19 \| 64 \| old \|.*\| yes \(0.001\) \| 0.50 \|/);
  expect(text).toMatch(/\| compact \| 64 \| new \|.*\| 2.00 \|/);
  expect(text).toContain("- missing with compact at 64 px: is not installed");
  expect(text.match(/\| (old|new) \|/g)).toHaveLength(2);
});

test("least, mean and middle of an odd and an even count", () => {
  expect(spreadOf([32, 4, 9])).toEqual({ min: 4, mean: 15, median: 9 });
  expect(spreadOf([32, 4, 9, 11])).toEqual({ min: 4, mean: 14, median: 10 });
  expect(spreadOf([])).toBeUndefined();
});
