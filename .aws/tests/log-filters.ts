/** Filters of log lines, in the part of CloudWatch Logs' syntax for JSON that the templates use. */

/** Whether a filter such as `{ $.msg = "jobs" && $.level >= 50 }` takes a line. Throws for what is not of that form. */
export function takes(filter: string, line: string): boolean {
  const inner = /^\{(.*)\}$/.exec(filter.trim())?.[1];
  if (inner === undefined) throw new Error(`Expected a filter in braces but received ${filter}.`);
  let record: Readonly<Record<string, unknown>>;
  try {
    record = JSON.parse(line);
  } catch {
    return false;
  }
  return inner.split("&&").every((term) => holds(term.trim(), record));
}

function holds(term: string, record: Readonly<Record<string, unknown>>): boolean {
  const [, name, operator, operand] = /^\$\.(\w+) (=|>=) ("[^"]*"|\d+|\*)$/.exec(term) ?? [];
  if (name === undefined) throw new Error(`Expected a term that is known but received ${term}.`);
  const value = record[name];
  if (operand === "*") return operator === "=" && value !== undefined;
  if (operator === ">=") return typeof value === "number" && value >= Number(operand);
  return value === JSON.parse(operand!);
}
