/** Reads Dockerfiles, as far as ours go. */

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** `--from=build` is {from: "build"}. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows, with lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly name: string | undefined;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** In front of the first stage. */
  readonly arguments: readonly Instruction[];
  /** In order; the last is the image. */
  readonly stages: readonly Stage[];
}

export function parseDockerfile(text: string): Dockerfile {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const whole = lines.join("\n").replaceAll(/\s*\\\n\s*/g, " ");
  const all = whole.split("\n").map(parseInstruction);
  const starts = all.flatMap(({ name }, index) => (name === "FROM" ? [index] : []));
  const stages = starts.map((start, index) => {
    const [base = "", , name] = all[start]!.text.split(" ");
    return { name, base, instructions: all.slice(start + 1, starts[index + 1]) };
  });
  return { arguments: all.slice(0, starts[0]), stages };
}

function parseInstruction(line: string): Instruction {
  const [, name, flags, text] = /^(\w+)((?: --[\w-]+=\S+)*) (.*)$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`Expected an instruction but received '${line}'.`);
  const pairs = flags!.trim().split(/\s+/).filter(Boolean);
  return {
    name,
    flags: Object.fromEntries(pairs.map((flag) => flag.slice(2).split(/=(.*)/s).slice(0, 2))),
    text: text!,
  };
}

/** All of that name, in order. */
export function instructionsOf(stage: Stage, name: string): Instruction[] {
  return stage.instructions.filter((instruction) => instruction.name === name);
}

/** `NAME=value NAME="va lue"`, as ENV, LABEL and ARG take them; what has no value is "". */
export function pairsOf(text: string): Record<string, string> {
  const pairs = text.matchAll(/([\w.]+)(?:=("[^"]*"|\S*))?/g);
  return Object.fromEntries(
    [...pairs].map(([, name, value = ""]) => [name, value.replace(/^"(.*)"$/, "$1")]),
  );
}

/** Whether a .dockerignore keeps `path` out: the last pattern that fits it, or a folder above it, decides. */
export function isIgnored(dockerignore: string, path: string): boolean {
  const parts = path.split("/");
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  const patterns = dockerignore.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  let ignored = false;
  for (const pattern of patterns) {
    const expression = globExpression(pattern.replace(/^!/, ""));
    if (paths.some((each) => expression.test(each))) ignored = !pattern.startsWith("!");
  }
  return ignored;
}

function globExpression(glob: string): RegExp {
  const escaped = glob.replaceAll(/[.+^${}()|[\]]/g, "\\$&");
  const body = escaped.replaceAll(/\*\*\/|\*\*|\*/g, (star) => {
    if (star === "**/") return "(?:.*/)?";
    return star === "**" ? ".*" : "[^/]*";
  });
  return new RegExp(`^${body}$`);
}
