/** Names, moments and spans of time as people say them. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `great-wave.jpg` is "Great wave"; no name means that the style was a picture of the visitor's own. */
export function styleTitle(name: string | undefined): string {
  if (name === undefined) return "a picture of their own";
  const words = name.replace(/\.[a-z]+$/i, "").replace(/[-_\s]+/g, " ");
  const title = words.trim();
  return title.charAt(0).toUpperCase() + title.slice(1);
}

/**
 * How long before `now` something was, both in milliseconds since 1970: "3 minutes ago". Clocks that differ make no
 * future.
 */
export function ago(ms: number, now: number): string {
  const age = now - ms;
  if (age < 45_000) return "just now";
  if (age < 59.5 * MINUTE) return `${count(age / MINUTE, "minute")} ago`;
  if (age < 23.5 * HOUR) return `${count(age / HOUR, "hour")} ago`;
  const days = Math.round(age / DAY);
  if (days <= 1) return "yesterday";
  if (days < 14) return `${days} days ago`;
  if (days < 60) return `${count(days / 7, "week")} ago`;
  return days < 365 ? `${count(days / 30.4, "month")} ago` : `${count(days / 365, "year")} ago`;
}

/** A span of `ms` milliseconds that is an estimate: "about 2 minutes". */
export function duration(ms: number): string {
  if (ms < 7_500) return "a few seconds";
  if (ms < 52_500) return `about ${5 * Math.round(ms / 5_000)} seconds`;
  if (ms < 59.5 * MINUTE) return `about ${count(ms / MINUTE, "minute")}`;
  return `about ${count(ms / HOUR, "hour")}`;
}

function count(value: number, unit: string): string {
  const whole = Math.max(1, Math.round(value));
  return `${whole} ${unit}${whole === 1 ? "" : "s"}`;
}
