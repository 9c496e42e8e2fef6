/**
 * Our programs as text: which files each is made of, which variables it reads, and the operations of AWS it asks for.
 *
 * AWS's SDK is used by the classes of stores/ alone. Which of their methods a program calls is seen from the names of
 * variables, which are declared with the interfaces: `objects: ObjectStore` makes `objects.put(` a call of
 * ObjectStore's `put`. Our source is formatted, so that a line of two spaces and a name begins a method.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** Name from the repository's root, and text without comments. */
export type Sources = ReadonlyMap<string, string>;

/** All files of ours that a program loads, itself included. */
export function reachableFrom(main: string): Sources {
  const found = new Map<string, string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    const text = withoutComments(readFileSync(join(repository, name), "utf8"));
    found.set(name, text);
    for (const target of importsOf(text))
      visit(relative(repository, join(repository, dirname(name), target)));
  };
  if (!existsSync(join(repository, main))) throw new Error(`Expected a program at ${main}.`);
  visit(main);
  return found;
}

/** Of files of ours that are loaded; types alone load nothing. */
function importsOf(text: string): string[] {
  const statements = [...text.matchAll(/^(?:import|export)\b(?! type\b)[^;]*?["'](\.[^"']+\.ts)["'];/gm)];
  const calls = [...text.matchAll(/\bimport\(\s*["'](\.[^"']+\.ts)["']\s*\)/g)];
  return [...statements, ...calls].map(([, target]) => target!);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** How a variable is read of an environment. */
const readings = [
  /\b(?:process\.)?env(?:ironment)?\??\.([A-Z][A-Z0-9_]+)\b/g,
  /\bset\.([A-Z][A-Z0-9_]+)\b/g,
  /\{\s*([A-Z][A-Z0-9_]+)(?:[^}]*)\}\s*=\s*(?:process\.)?env\b/g,
];

/** Names in capitals that are read of an environment, whatever it is called. */
export function variablesRead(sources: Sources): string[] {
  const all = [...sources.values()].flatMap((text) =>
    readings.flatMap((reading) => [...text.matchAll(reading)].map(([, name]) => name!)),
  );
  return [...new Set(all)].sort();
}

/** The interfaces, and the classes that do them in the cloud. */
const clouds = {
  ObjectStore: ["S3ObjectStore"],
  JobQueue: ["BatchJobQueue"],
  MessageQueue: ["SqsMessageQueue"],
  Publisher: ["SqsMessageQueue"],
} as const;
type Interface = keyof typeof clouds;

/** Calls that a program makes only where its stores are files: the file, the call, and why. */
export const onOneMachineOnly: readonly { file: string; call: string; why: string }[] = [
  { file: "gateway/retention.ts", call: "ObjectStore.list", why: "a bucket has lifecycle rules" },
  { file: "gateway/retention.ts", call: "ObjectStore.delete", why: "a bucket has lifecycle rules" },
  { file: "gateway/stores.ts", call: "ObjectStore.list", why: "the first styles of a new folder" },
  { file: "gateway/stores.ts", call: "ObjectStore.put", why: "the first styles of a new folder" },
];

export interface StoreCall {
  readonly file: string;
  /** Interface.method */
  readonly call: string;
}

/** The calls of stores in a program's own files. */
export function storeCalls(main: string): StoreCall[] {
  const sources = reachableFrom(main);
  const names = variablesOf(sources);
  const calls: StoreCall[] = [];
  for (const [file, text] of sources) {
    if (file.startsWith("stores/")) continue;
    for (const [variable, type] of names) {
      const pattern = new RegExp(`(?<![\\w$])#?${variable}\\??\\.(\\w+)(?=[(.])`, "g");
      for (const [, method] of text.matchAll(pattern)) calls.push({ file, call: `${type}.${method}` });
    }
  }
  return calls;
}

/** Names of variables and properties that have an interface for their type. */
function variablesOf(sources: Sources): Map<string, Interface> {
  const found = new Map<string, Interface>();
  const pattern = new RegExp(`\\b(\\w+)\\??: (${Object.keys(clouds).join("|")})\\b`, "g");
  for (const text of sources.values()) {
    for (const [, name, type] of text.matchAll(pattern)) {
      const known = found.get(name!) ?? type;
      if (known !== type)
        throw new Error(`Expected one type for '${name}' but received ${known} and ${type}.`);
      found.set(name!, type as Interface);
    }
  }
  return found;
}

/** Names of the SDK's commands that a program sends or signs. */
export function sdkCommands(main: string): string[] {
  const sources = reachableFrom(main);
  const methods = new Map([...sources].flatMap(([, text]) => methodsOf(text)));
  const isElsewhere = ({ file, call }: StoreCall) =>
    onOneMachineOnly.some((each) => each.file === file && each.call === call);
  const calls = storeCalls(main).filter((each) => !isElsewhere(each));
  const seen = new Set<string>();
  const commands = new Set<string>();
  const visit = (name: string) => {
    const body = methods.get(name);
    if (body === undefined || seen.has(name)) return;
    seen.add(name);
    const [owner] = name.split(".") as [string];
    for (const [, command] of body.matchAll(/new (\w+Command)\(/g)) commands.add(command!);
    if (body.includes("createPresignedPost(")) commands.add("PutObjectCommand");
    for (const [, method] of body.matchAll(/\bthis\.(#?\w+)\(/g)) visit(`${owner}.${method}`);
    for (const [, other] of body.matchAll(/\bnew (\w+)\(/g))
      for (const each of methods.keys()) if (each.startsWith(`${other}.`)) visit(each);
  };
  for (const { call } of calls) {
    const [type, method] = call.split(".") as [Interface, string];
    for (const owner of clouds[type]) visit(`${owner}.${method}`);
  }
  return [...commands].sort();
}

/** Class.method and its text, of all classes in a file. */
function methodsOf(text: string): [string, string][] {
  const classes = [...text.matchAll(/^(?:export )?class (\w+)[^{]*\{$([\s\S]*?)^\}$/gm)];
  return classes.flatMap(([, owner, body]) => {
    const starts = [...body!.matchAll(/^ {2}(?:async |static |get )*(#?\w+)(?:<[^>\n]*>)?\(/gm)];
    return starts.map(({ 1: name, index }, i): [string, string] => [
      `${owner}.${name}`,
      body!.slice(index, starts[i + 1]?.index),
    ]);
  });
}

/** All commands in the files of a program, whether or not it comes to them. */
export function allCommands(main: string): string[] {
  const found = [...reachableFrom(main).values()].flatMap((text) =>
    /from "@aws-sdk\/client-/.test(text) ? [...text.matchAll(/new (\w+Command)\(/g)] : [],
  );
  return [...new Set(found.map(([, name]) => name!))].sort();
}
