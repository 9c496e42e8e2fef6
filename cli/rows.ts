/** A title, and below it rows of a label and a value. */
export function rows(title: string, entries: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...entries.map(([label]) => label.length));
  return [title, ...entries.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`), ""].join("\n");
}
