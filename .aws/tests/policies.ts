/** What roles may do, and who may do what with a resource. */
import type { Resolved } from "./stack.ts";
import type { Fields, Value } from "./templates.ts";

export interface Statement {
  readonly sid: string;
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly principal: Value | undefined;
  readonly condition: Fields;
}

/** Statements of a role's own policies. */
export function roleStatements({ Properties }: Pick<Resolved, "Properties">): Statement[] {
  const policies = (Properties.Policies ?? []) as unknown as readonly { PolicyDocument: Fields }[];
  return policies.flatMap(({ PolicyDocument }) => statementsOf(PolicyDocument));
}

export function statementsOf(document: Fields): Statement[] {
  return (document.Statement as unknown as readonly Fields[]).map((statement) => ({
    sid: String(statement.Sid ?? ""),
    effect: statement.Effect as "Allow" | "Deny",
    actions: [statement.Action ?? []].flat() as string[],
    resources: [statement.Resource ?? []].flat() as string[],
    principal: statement.Principal,
    condition: (statement.Condition ?? {}) as Fields,
  }));
}

/** Whether a text is of the form of a pattern, in which `*` stands for anything. */
export function like(pattern: string, text: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}

/** Each pair of an action and a pattern of resources that is allowed. */
export function grantsOf(statements: readonly Statement[]): string[] {
  const allowed = statements.filter(({ effect }) => effect === "Allow");
  return allowed.flatMap(({ actions, resources }) =>
    actions.flatMap((action) => resources.map((resource) => `${action} ${resource}`)),
  );
}
