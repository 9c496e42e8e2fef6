import { describe, expect, test } from "vitest";
import { ago, duration, styleTitle } from "./words.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("styleTitle", () => {
  test.each([
    ["great-wave.jpg", "Great wave"],
    ["Starry_night  over-Rhone.webp", "Starry night over Rhone"],
    ["auvers.JPEG", "Auvers"],
    ["7.png", "7"],
    [undefined, "a picture of their own"],
  ])("%s is %s", (name, title) => {
    expect(styleTitle(name)).toBe(title);
  });
});

describe("ago", () => {
  test.each([
    [-5 * MINUTE, "just now"],
    [44 * SECOND, "just now"],
    [45 * SECOND, "1 minute ago"],
    [3 * MINUTE, "3 minutes ago"],
    [59.4 * MINUTE, "59 minutes ago"],
    [59.6 * MINUTE, "1 hour ago"],
    [23.4 * HOUR, "23 hours ago"],
    [23.6 * HOUR, "yesterday"],
    [2 * DAY, "2 days ago"],
    [20 * DAY, "3 weeks ago"],
    [90 * DAY, "3 months ago"],
    [800 * DAY, "2 years ago"],
  ])("%d ms is %s", (age, words) => {
    const now = 1_800_000_000_000;
    expect(ago(now - age, now)).toBe(words);
  });
});

describe("duration", () => {
  test.each([
    [0, "a few seconds"],
    [7.4 * SECOND, "a few seconds"],
    [8 * SECOND, "about 10 seconds"],
    [38 * SECOND, "about 40 seconds"],
    [52.5 * SECOND, "about 1 minute"],
    [118 * SECOND, "about 2 minutes"],
    [59.6 * MINUTE, "about 1 hour"],
    [3 * HOUR, "about 3 hours"],
  ])("%d ms is %s", (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});
