/** What was asked for, and how it went, for those who want to know. */
import type { JobView } from "../../client/index.ts";
import { styleTitle } from "../words.ts";

export function JobDetails({ job }: { readonly job: JobView }) {
  const { style, options, isPrivate, createdAt, startedAt, endedAt, loss } = job;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["Style", style === undefined ? "Your own picture" : styleTitle(style)],
    ["Shown to", isPrivate ? "you, and whoever has its key" : "everyone, in the feed"],
    ["Long side", options.size === undefined ? "as the original" : `${options.size} pixels`],
    ["Strength", options.strength],
    ["Steps", options.steps === undefined ? undefined : String(options.steps)],
    ["Begun", new Date(createdAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })],
    ["Painted in", startedAt !== undefined && endedAt !== undefined ? took(endedAt - startedAt) : undefined],
    ["Loss", loss === undefined ? undefined : loss.toPrecision(4)],
  ];
  return (
    <details class="job-details">
      <summary>Details</summary>
      <dl>
        {rows.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </details>
  );
}

function took(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 1);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
