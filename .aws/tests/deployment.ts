/** An environment as deployed: its root stack, and the containers in it. */
import { type EnvironmentName, exampleParameters } from "./parameters.ts";
import { type Resolved, Stack } from "./stack.ts";
import type { Fields } from "./templates.ts";

const made = new Map<EnvironmentName, Stack>();

/** The root stack of an environment, with the parameters that are its example. */
export function deployment(environment: EnvironmentName): Stack {
  const known = made.get(environment);
  if (known !== undefined) return known;
  const parameters = { ...exampleParameters[environment], Environment: environment };
  const { Project = "stylize" } = parameters as Readonly<Record<string, string>>;
  const stack = new Stack("root.yaml", parameters, `${Project}-${environment}`);
  made.set(environment, stack);
  return stack;
}

/** A resource with the name of the stack that it is in. */
export interface Deployed extends Resolved {
  readonly stack: string;
}

/** All resources of an environment, those of nested stacks included, and of what all environments share. */
export function deployed(environment: EnvironmentName): Deployed[] {
  const stacks = { ...deployment(environment).all(), Registry: new Stack("registry.yaml", {}, "stylize") };
  return Object.entries(stacks).flatMap(([name, stack]) =>
    stack.resources.map((resource) => ({ ...resource, stack: name })),
  );
}

export interface Container {
  /** The variables that it is started with, those from secrets as the secret's ARN. */
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly properties: Fields;
}

export function gatewayContainer(environment: EnvironmentName): Container {
  const { Properties } = deployment(environment).nested("Service").resource("TaskDefinition");
  const [properties] = Properties.ContainerDefinitions as [Fields];
  return container(properties);
}

export function workerContainer(environment: EnvironmentName): Container {
  const { Properties } = deployment(environment).nested("Compute").resource("JobDefinition");
  return container(Properties.ContainerProperties as Fields);
}

function container(properties: Fields): Container {
  const pairs = (properties.Environment as { Name: string; Value: string }[]).map(
    ({ Name, Value }) => [Name, String(Value)] as const,
  );
  const secrets = ((properties.Secrets ?? []) as { Name: string; ValueFrom: string }[]).map(
    ({ Name, ValueFrom }) => [Name, ValueFrom] as const,
  );
  return {
    environment: Object.fromEntries([...pairs, ...secrets]),
    secrets: secrets.map(([name]) => name),
    properties,
  };
}
