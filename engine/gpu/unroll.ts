/**
 * Loops of shaders written out, one block after the other.
 *
 * A private array stays in registers where all its indices are constants. Whether a driver's compiler writes a loop out
 * to make them so is up to its heuristics, and to what Dawn puts around loops that might never end: so we do it.
 */

// A mark, and `for (var i = 0u; i < BOUND; i++) {`, or `i += STEP`.
const head = /\/\* unroll \*\/ for \(var (\w+) = 0u; \1 < ([^;]+); \1(?:\+\+| \+= ([^)]+))\) \{/;

const declaration = /^const (\w+) = ([^;]+);/gm;

/**
 * The text with each loop behind a comment that says `unroll` written out: a block for each turn, in which the counter
 * is a constant. Bounds and steps are sums and products of `u32` constants that the text declares.
 *
 * @throws Error where a bound is something else.
 */
export function unrolled(text: string): string {
  if (!head.test(text)) return text;
  const declared = new Map([...text.matchAll(declaration)].map(([, name, value]) => [name!, value!]));
  return expanded(text, (expression) => evaluate(expression, declared));
}

function expanded(text: string, numberOf: (expression: string) => number): string {
  const match = head.exec(text);
  if (!match) return text;
  const [loop, counter, bound, step] = match;
  const start = match.index + loop.length;
  const end = closingBrace(text, start);
  const body = expanded(text.slice(start, end), numberOf);
  const [most, by] = [numberOf(bound!), step === undefined ? 1 : numberOf(step)];
  const blocks = Array.from({ length: Math.ceil(most / by) }, (_, i) => {
    return `{ const ${counter} = ${i * by}u;${body}}`;
  });
  return text.slice(0, match.index) + blocks.join(" ") + expanded(text.slice(end + 1), numberOf);
}

/** Of the block whose text begins at `start`. */
function closingBrace(text: string, start: number): number {
  let depth = 1;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  throw new Error("Expected a brace that closes a loop but the shader ends.");
}

/** An expression of `u32` numbers, names, `+ - * / %` and parentheses. */
function evaluate(expression: string, declared: ReadonlyMap<string, string>): number {
  const tokens = expression.match(/\w+|[^\s\w]/g) ?? [];
  let at = 0;
  const primary = (): number => {
    const token = tokens[at++] ?? "the end";
    if (token === "(") {
      const value = sum();
      at++; // the parenthesis that closes
      return value;
    }
    if (/^\d+u?$/.test(token)) return Number.parseInt(token, 10);
    const value = declared.get(token);
    if (value === undefined) throw new Error(`Expected a constant in '${expression}' but found ${token}.`);
    return evaluate(value, declared);
  };
  const product = (): number => {
    let value = primary();
    for (let operator = tokens[at]; /^[*/%]$/.test(operator ?? ""); operator = tokens[at]) {
      at++;
      const right = primary();
      if (operator === "*") value *= right;
      else value = operator === "/" ? Math.trunc(value / right) : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let operator = tokens[at]; /^[+-]$/.test(operator ?? ""); operator = tokens[at]) {
      at++;
      value += operator === "+" ? product() : -product();
    }
    return value;
  };
  const value = sum();
  if (at < tokens.length)
    throw new Error(`Expected sums and products in '${expression}' but found ${tokens[at]}.`);
  return value;
}
