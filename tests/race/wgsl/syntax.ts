/** The syntax of the part of WGSL that our shaders are written in. Types are expressions: names with template lists. */

interface Placed {
  /** From 1. */
  readonly line: number;
}

/** `literal` of WGSL's own types: `int` and `float` are the abstract ones. */
export type LiteralType = "bool" | "int" | "float" | "i32" | "u32" | "f32" | "f16";

export interface Name extends Placed {
  readonly kind: "name";
  readonly name: string;
  readonly template: readonly Expression[];
}

export type Expression =
  | Name
  | (Placed & { readonly kind: "literal"; readonly type: LiteralType; readonly value: number | boolean })
  | (Placed & { readonly kind: "call"; readonly callee: Name; readonly args: readonly Expression[] })
  | (Placed & { readonly kind: "unary"; readonly operator: string; readonly operand: Expression })
  | (Placed & {
      readonly kind: "binary";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Placed & { readonly kind: "index"; readonly object: Expression; readonly index: Expression })
  | (Placed & { readonly kind: "member"; readonly object: Expression; readonly member: string })
  | (Placed & { readonly kind: "parentheses"; readonly inner: Expression });

export type Statement =
  | (Placed & { readonly kind: "block"; readonly body: readonly Statement[] })
  | (Placed & {
      readonly kind: "declare";
      readonly form: "var" | "let" | "const";
      readonly name: string;
      readonly type: Name | undefined;
      readonly value: Expression | undefined;
    })
  /** `operator`: of a compound assignment. No target: `_ = value`. */
  | (Placed & {
      readonly kind: "assign";
      readonly target: Expression | undefined;
      readonly operator: string | undefined;
      readonly value: Expression;
    })
  | (Placed & { readonly kind: "call"; readonly call: Expression })
  | (Placed & {
      readonly kind: "if";
      readonly condition: Expression;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[] | undefined;
    })
  /** `for`, `while` and `loop`. */
  | (Placed & {
      readonly kind: "loop";
      readonly first: Statement | undefined;
      readonly condition: Expression | undefined;
      readonly update: Statement | undefined;
      readonly body: readonly Statement[];
    })
  | (Placed & { readonly kind: "return"; readonly value: Expression | undefined })
  | (Placed & { readonly kind: "break" })
  | (Placed & { readonly kind: "continue" });

export interface Attribute extends Placed {
  readonly name: string;
  readonly args: readonly Expression[];
}

export interface Field extends Placed {
  readonly name: string;
  readonly type: Name;
}

export interface Parameter extends Field {
  readonly attributes: readonly Attribute[];
}

export interface FunctionDeclaration extends Placed {
  readonly kind: "function";
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly result: Name | undefined;
  readonly body: readonly Statement[];
  readonly attributes: readonly Attribute[];
}

export interface VariableDeclaration extends Placed {
  readonly kind: "variable";
  readonly name: string;
  readonly space: string;
  readonly access: string | undefined;
  readonly type: Name;
  readonly attributes: readonly Attribute[];
}

export type Declaration =
  | FunctionDeclaration
  | VariableDeclaration
  | (Placed & { readonly kind: "struct"; readonly name: string; readonly fields: readonly Field[] })
  | (Placed & { readonly kind: "alias"; readonly name: string; readonly type: Name })
  | (Placed & {
      readonly kind: "constant";
      readonly name: string;
      readonly type: Name | undefined;
      readonly value: Expression;
    });

export interface Module {
  /** Names of what is enabled. */
  readonly enabled: ReadonlySet<string>;
  readonly declarations: readonly Declaration[];
}
