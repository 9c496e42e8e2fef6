/** Code of statements. Functions are put in line, so that what pointers point to is known and barriers may wait. */
import type { Emitter } from "./emitter.ts";
import { WgslError } from "./error.ts";
import { Expressions } from "./expressions.ts";
import { load, store } from "./memory.ts";
import { Scope } from "./scope.ts";
import type { FunctionDeclaration, Statement } from "./syntax.ts";
import { isSame, leavesOf, type Type, typeName } from "./types.ts";
import {
  concrete,
  convert,
  isConstant,
  type Operand,
  type Reference,
  stable,
  text,
  type Value,
  value,
  zeroOf,
} from "./values.ts";

/** A function while its body is generated. */
interface Frame {
  readonly name: string;
  readonly result: Type | undefined;
  /** What the body's block is called, and the variables that take what it returns; none of the entry point. */
  readonly label: string | undefined;
  readonly names: readonly string[];
  /** Names that are indexed by more than constants. */
  readonly indexed: ReadonlySet<string>;
}

interface Loop {
  readonly label: string;
  readonly next: string;
}

export class Statements {
  readonly expressions: Expressions;
  readonly #emitter: Emitter;
  readonly #module: Scope;
  readonly #frames: Frame[] = [];
  #loops: Loop[] = [];

  constructor(emitter: Emitter, enabled: ReadonlySet<string>, module: Scope) {
    this.#emitter = emitter;
    this.#module = module;
    this.expressions = new Expressions(emitter, enabled, module, (declaration, args, line) =>
      this.#call(declaration, args, line),
    );
  }

  /** The body of the entry point. */
  main(declaration: FunctionDeclaration, parameters: ReadonlyMap<string, Value>): void {
    const scope = new Scope(this.#module);
    for (const [name, given] of parameters) scope.set(name, given);
    const indexed = indexedNames(declaration);
    this.#frames.push({ name: declaration.name, result: undefined, label: undefined, names: [], indexed });
    this.#inScope(scope, () => this.#all(declaration.body));
  }

  #inScope(scope: Scope, build: () => void): void {
    const outer = this.expressions.scope;
    this.expressions.scope = scope;
    build();
    this.expressions.scope = outer;
  }

  #block(body: readonly Statement[]): void {
    this.#inScope(new Scope(this.expressions.scope), () => this.#all(body));
  }

  #all(body: readonly Statement[]): void {
    for (const statement of body) this.#statement(statement);
  }

  #statement(statement: Statement): void {
    const { line } = statement;
    switch (statement.kind) {
      case "block":
        this.#emitter.emit("{");
        this.#block(statement.body);
        this.#emitter.emit("}");
        break;
      case "declare":
        this.expressions.scope.set(statement.name, this.#declared(statement));
        break;
      case "assign":
        this.#assign(statement);
        break;
      case "call":
        if (statement.call.kind === "call") this.expressions.call(statement.call);
        break;
      case "if":
        this.#if(statement);
        break;
      case "loop":
        this.#loop(statement);
        break;
      case "return":
        this.#return(statement.value ? this.expressions.value(statement.value) : undefined, line);
        break;
      case "break":
        this.#emitter.emit(`break ${this.#innermost(line).label};`);
        break;
      case "continue":
        this.#emitter.emit(`break ${this.#innermost(line).next};`);
        break;
      default:
        statement satisfies never;
    }
  }

  #innermost(line: number): Loop {
    const loop = this.#loops.at(-1);
    if (!loop) throw new WgslError(line, "Expected a loop around but received none.");
    return loop;
  }

  /** What a declaration's name stands for. */
  #declared({ form, name, line, ...rest }: Extract<Statement, { kind: "declare" }>): Operand {
    if (this.expressions.scope.declares(name))
      throw new WgslError(line, `Expected a new name but '${name}' is declared already.`);
    const type = rest.type && this.expressions.type(rest.type);
    const operand = rest.value && this.expressions.operand(rest.value);
    if (operand?.kind === "pointer") {
      if (form !== "let" || type) throw new WgslError(line, "Expected a value but received a pointer.");
      return operand;
    }
    const given = operand?.kind === "reference" ? load(this.#emitter, operand, line) : operand;
    const typed = given && (type ? convert(given, type, line) : given);
    if (form === "const") {
      if (!typed || !isConstant(typed.parts)) throw new WgslError(line, `Expected '${name}' to be constant.`);
      return typed;
    }
    const own = typed && concrete(typed, line);
    if (form === "let") return this.#fixed(name, own!);
    const wanted = type ?? own?.type;
    if (!wanted) throw new WgslError(line, `Expected a type or a value of '${name}' but received none.`);
    return this.#variable(name, wanted, own, line);
  }

  #variable(name: string, type: Type, given: Value | undefined, line: number): Reference {
    const initial = given && stable(this.#emitter, given);
    const variable = this.expressions.variable(name, type);
    const { place } = variable;
    if (!initial && place.kind === "array") {
      const [zero] = zeroOf(elementOf(type), line).parts;
      this.#emitter.emit(`${place.array}.fill(${text(zero!)});`);
    } else store(this.#emitter, variable, initial ?? zeroOf(type, line), line);
    return variable;
  }

  /** What a `let` or parameter is: in memory where it is indexed by more than constants. */
  #fixed(name: string, given: Value): Value | Reference {
    const isIndexed = given.type.kind === "array" && this.#frames.at(-1)!.indexed.has(name);
    return isIndexed ? this.expressions.spilled(given) : stable(this.#emitter, given);
  }

  #assign({ target, operator, value: expression, line }: Extract<Statement, { kind: "assign" }>): void {
    if (!target) {
      this.expressions.value(expression);
      return;
    }
    const to = this.expressions.operand(target);
    if (to.kind !== "reference" || to.isFixed)
      throw new WgslError(line, "Expected a variable to assign to but received something else.");
    const given = this.expressions.value(expression);
    const result = operator
      ? this.expressions.operators.binary(operator, load(this.#emitter, to, line), given, line)
      : given;
    store(this.#emitter, to, convert(result, to.type, line), line);
  }

  #if({ condition, body, otherwise }: Extract<Statement, { kind: "if" }>): void {
    const test = this.expressions.condition(condition);
    const branch = (statements: readonly Statement[]) =>
      this.#emitter.captured(() => this.#block(statements));
    const emit = (lines: readonly string[]) => {
      for (const line of lines) this.#emitter.emit(line);
    };
    const yes = branch(body);
    const no = otherwise && branch(otherwise);
    if (typeof test === "boolean") {
      // What is never reached has been checked, and is left out.
      this.#emitter.emit("{");
      emit(test ? yes : (no ?? []));
      this.#emitter.emit("}");
      return;
    }
    this.#emitter.emit(`if (${test}) {`);
    emit(yes);
    if (no) {
      this.#emitter.emit("} else {");
      emit(no);
    }
    this.#emitter.emit("}");
  }

  #loop({ first, condition, update, body }: Extract<Statement, { kind: "loop" }>): void {
    const [label, next] = [this.#emitter.fresh("loop"), this.#emitter.fresh("next")];
    this.#emitter.emit("{");
    this.#inScope(new Scope(this.expressions.scope), () => {
      if (first) this.#statement(first);
      this.#emitter.emit(`${label}: for (;;) {`);
      if (condition) this.#emitter.emit(`if (!${this.expressions.condition(condition)}) break;`);
      this.#loops.push({ label, next });
      this.#emitter.emit(`${next}: {`);
      this.#block(body);
      this.#emitter.emit("}");
      this.#loops.pop();
      if (update) this.#statement(update);
    });
    this.#emitter.emit("} }");
  }

  #return(given: Value | undefined, line: number): void {
    const { result, label, names, name } = this.#frames.at(-1)!;
    if ((given === undefined) !== (result === undefined))
      throw new WgslError(line, `Expected '${name}' to return ${result ? typeName(result) : "nothing"}.`);
    if (!label) {
      this.#emitter.emit("return;");
      return;
    }
    const parts = given ? convert(given, result!, line).parts : [];
    for (const [i, part] of parts.entries()) this.#emitter.emit(`${names[i]} = ${text(part)};`);
    this.#emitter.emit(`break ${label};`);
  }

  #call(declaration: FunctionDeclaration, args: readonly Operand[], line: number): Value | undefined {
    const { name, parameters, body } = declaration;
    if (this.#frames.some((frame) => frame.name === name))
      throw new WgslError(line, `Expected no recursion but '${name}' calls itself.`);
    if (args.length !== parameters.length)
      throw new WgslError(
        line,
        `Expected ${parameters.length} arguments of '${name}' but received ${args.length}.`,
      );
    const scope = new Scope(this.#module);
    const indexed = indexedNames(declaration);
    const caller = this.expressions.scope;
    this.expressions.scope = this.#module;
    const result = declaration.result && this.expressions.type(declaration.result);
    const types = parameters.map(({ type }) => this.expressions.type(type));
    this.expressions.scope = caller;
    const last = body.at(-1);
    const isSimple = result !== undefined && last?.kind === "return" && !body.slice(0, -1).some(mayReturn);
    const label = isSimple ? undefined : this.#emitter.fresh(name);
    const names = isSimple || !result ? [] : leavesOf(result).map((_, i) => `${label}_${i}`);
    this.#frames.push({ name, result, label, names, indexed });
    for (const [i, parameter] of parameters.entries())
      scope.set(
        parameter.name,
        this.#argument(parameter.name, types[i]!, args[i]!, result !== undefined, line),
      );
    const loops = this.#loops;
    this.#loops = [];
    let returned: Value | undefined;
    if (names.length > 0) this.#emitter.emit(`let ${names.join(", ")};`);
    if (label) this.#emitter.emit(`${label}: {`);
    this.#inScope(scope, () => {
      this.#all(isSimple ? body.slice(0, -1) : body);
      if (isSimple) returned = convert(this.expressions.value(last.value!), result, last.line);
    });
    if (label) this.#emitter.emit("}");
    this.#loops = loops;
    this.#frames.pop();
    return returned ?? (result && value(result, names));
  }

  #argument(name: string, type: Type, given: Operand, hasResult: boolean, line: number) {
    if (type.kind === "pointer") {
      // Operands that wait for a call's result must not change meanwhile.
      if (hasResult) throw new WgslError(line, "Expected no result of a function that takes pointers.");
      const isFitting = given.kind === "pointer" && isSame(given.to.type, type.to) && isOwn(given.to);
      if (!isFitting) throw new WgslError(line, `Expected ${typeName(type)} but received something else.`);
      return given;
    }
    if (given.kind === "pointer")
      throw new WgslError(line, `Expected ${typeName(type)} but received a pointer.`);
    const loaded = given.kind === "reference" ? load(this.#emitter, given, line) : given;
    return this.#fixed(name, convert(loaded, type, line));
  }
}

const isOwn = ({ place }: Reference): boolean => place.kind !== "memory";

/** The innermost element of arrays in arrays. */
const elementOf = (type: Type): Type => (type.kind === "array" ? elementOf(type.element) : type);

function mayReturn(statement: Statement): boolean {
  switch (statement.kind) {
    case "return":
      return true;
    case "block":
    case "loop":
      return statement.body.some(mayReturn);
    case "if":
      return [...statement.body, ...(statement.otherwise ?? [])].some(mayReturn);
    default:
      return false;
  }
}

const indexedIn = new WeakMap<FunctionDeclaration, ReadonlySet<string>>();

/** Names that a function indexes by something other than a literal. */
function indexedNames(declaration: FunctionDeclaration): ReadonlySet<string> {
  const known = indexedIn.get(declaration);
  if (known) return known;
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { kind, object, index } = node as {
      kind?: string;
      object?: { name?: string };
      index?: { kind: string };
    };
    if (kind === "index" && object?.name && index?.kind !== "literal") names.add(object.name);
    for (const child of Object.values(node)) visit(child);
  };
  visit(declaration.body);
  indexedIn.set(declaration, names);
  return names;
}
