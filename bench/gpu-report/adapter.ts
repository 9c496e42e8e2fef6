/** All that can be known of the adapter, in the process that calls it. */
import { create } from "webgpu";
import type { GpuContext } from "../../engine/gpu/context.ts";
import { listAdapters, openContext } from "../../engine/node.ts";
import type { AdapterDetails } from "./report.ts";
import type { ChildRequest } from "./requests.ts";

export const open = ({ family, device }: Pick<ChildRequest, "family" | "device">): Promise<GpuContext> =>
  openContext({ giveWay: true, ...(family && { family }), ...(device && { adapter: device }) });

export async function describeAdapter(request: ChildRequest): Promise<AdapterDetails> {
  using context = await open(request);
  const { adapterInfo: info, adapterName: name, isSoftware, family, limits, matrixConfigs } = context;
  const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize } = info;
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<object> };
  const listed = await listedByDawn();
  const backend = listed.find((one) => one.name === name)?.backend;
  const all = await listAdapters();
  const report = all.find((one) => one.name === name)?.report;
  return {
    ...{ name, isSoftware, family, vendor, architecture, device, description, backend },
    ...{ subgroupMinSize, subgroupMaxSize, matrixConfigs },
    features: report?.features ?? [],
    usedFeatures: [...context.device.features].sort(),
    limits: numbersOf(limits),
    listedMatrixConfigs: [...subgroupMatrixConfigs].map((config) => membersOf(config)),
    all: all.map((one) => {
      const of = listed.find((each) => each.name === one.name)?.backend;
      return of ? `${one.name} (${of})` : one.name;
    }),
  };
}

interface Listed {
  readonly backend: string;
  readonly name: string;
}

/** Dawn names its adapters, with their backends, where it has none of the name that it was asked for. */
async function listedByDawn(): Promise<readonly Listed[]> {
  try {
    await create(["adapter=no adapter has this name"]).requestAdapter();
    return [];
  } catch (error) {
    const lines = `${error}`.matchAll(/^ \* backend: '(\w+)', name: '(.*)'$/gm);
    return [...lines].map(([, backend, name]) => ({ backend: backend!, name: name! }));
  }
}

/** Members that are getters of a class are in no JSON. */
function membersOf(object: object): Record<string, unknown> {
  const names = new Set<string>();
  for (let at = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  const members = [...names].map((name) => [name, (object as Record<string, unknown>)[name]] as const);
  return Object.fromEntries(members.filter(([, value]) => typeof value !== "function"));
}

function numbersOf(limits: object): Record<string, number> {
  const numbers = Object.entries(membersOf(limits)).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(numbers) as Record<string, number>;
}
