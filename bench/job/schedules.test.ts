import { expect, test } from "vitest";
import { defaultSchedule, distinctSchedules, parseSchedules, scheduleGrid } from "./schedules.ts";

const square = { width: 512, height: 512 };

test("the default is the engine's own", () => {
  expect(defaultSchedule(512)).toEqual({ minSize: 128, scaleSteps: 30 });
  expect(defaultSchedule(64)).toEqual({ minSize: 64, scaleSteps: 30 });
});

test("the grid has one scale, then every depth with every number of steps", () => {
  const grid = scheduleGrid(512, 300);
  expect(grid[0]).toEqual({ minSize: 512, scaleSteps: 1 });
  expect([...new Set(grid.map(({ minSize }) => minSize))]).toEqual([512, 363, 256, 182, 128]);
  expect([...new Set(grid.slice(1).map(({ scaleSteps }) => scaleSteps))]).toEqual([15, 30, 60]);
  expect(grid).toHaveLength(13);
});

test("a small grid has no scale that is too small and no steps above the most", () => {
  expect(scheduleGrid(64, 20)).toEqual([
    { minSize: 64, scaleSteps: 1 },
    { minSize: 46, scaleSteps: 15 },
    { minSize: 46, scaleSteps: 20 },
    { minSize: 32, scaleSteps: 15 },
    { minSize: 32, scaleSteps: 20 },
  ]);
});

test("schedules that come to the same are run once, the default first", () => {
  const same = [
    { minSize: 512, scaleSteps: 15 },
    { minSize: 500, scaleSteps: 30 },
    { minSize: 130, scaleSteps: 30 },
    { minSize: 256, scaleSteps: 60 },
  ];
  expect(distinctSchedules(square, 512, same)).toEqual([
    { minSize: 128, scaleSteps: 30 },
    { minSize: 512, scaleSteps: 15 },
    { minSize: 256, scaleSteps: 60 },
  ]);
});

test("schedules as text", () => {
  expect(parseSchedules("181:60, 64:5")).toEqual([
    { minSize: 181, scaleSteps: 60 },
    { minSize: 64, scaleSteps: 5 },
  ]);
  for (const text of ["", "181", "181:0", "16:5", "181:60,", "a:b"]) {
    expect(parseSchedules(text)).toBeUndefined();
  }
});
