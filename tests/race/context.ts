/** A GpuContext whose kernels run under the eyes of the race checker. */
import type { KernelFamilyName } from "../../engine/gpu/adapter.ts";
import { GpuContext, type ShaderSource } from "../../engine/gpu/context.ts";
import { readShader } from "../../engine/node.ts";
import { createDevice, leastLimits } from "./device/device.ts";
import type { ListedMatrix } from "./device/pipelines.ts";
import { strict } from "./device/strict.ts";
import type { FaultLog } from "./machine/faults.ts";
import { Machine } from "./machine/machine.ts";

export interface RaceOptions {
  /** Of the order of workgroups and invocations. */
  readonly seed?: number;
  /** Invocations of a subgroup, or the least and the most of them: then those that don't ask get the least. */
  readonly subgroup?: number | readonly [least: number, most: number];
  /** What the adapter's matrix units multiply. */
  readonly matrixConfigs?: readonly ListedMatrix[];
  readonly features?: readonly string[];
  /** Instead of the least that every adapter has. */
  readonly limits?: Partial<Record<keyof typeof leastLimits, number>>;
  /** The text of shaders, changed or not. */
  readonly shaders?: ShaderSource;
  readonly family?: KernelFamilyName;
}

export class RaceContext extends GpuContext {
  /** What was found so far. */
  readonly faults: FaultLog;
  /** Labels of the kernels that ran. */
  readonly dispatched: ReadonlySet<string>;

  constructor({
    seed = 1,
    subgroup = 32,
    matrixConfigs = [],
    features = ["shader-f16", "subgroups"],
    limits: own = {},
    shaders = readShader,
    family = "gpu",
  }: RaceOptions) {
    const subgroups = typeof subgroup === "number" ? ([subgroup, subgroup] as const) : subgroup;
    const machine = new Machine(seed, subgroups[0]);
    const dispatched = new Set<string>();
    const sources = new Map<string, string>();
    const limits = strict("GPUSupportedLimits", { ...leastLimits, ...own }) as unknown as GPUSupportedLimits;
    const device = createDevice({
      machine,
      limits,
      features: new Set(features),
      matrixConfigs,
      subgroups,
      placeOf: (code, line) => placeIn(sources, code, line),
      onDispatch: (label) => dispatched.add(label),
    });
    const info = {
      vendor: "race checker",
      architecture: "",
      device: "",
      description: "",
      subgroupMinSize: subgroups[0],
      subgroupMaxSize: subgroups[1],
      subgroupMatrixConfigs: matrixConfigs,
      isFallbackAdapter: false,
    };
    const source: ShaderSource = (name) => {
      const text = shaders(name);
      sources.set(name, text);
      return text;
    };
    super(device, info as unknown as GPUAdapterInfo, source, { family, name: "race checker" });
    this.faults = machine.faults;
    this.dispatched = dispatched;
  }
}

export const openRaceContext = (options: RaceOptions = {}): RaceContext => new RaceContext(options);

/** The file of shaders/ and the line there of a line of a text that was joined from some. */
function placeIn(sources: ReadonlyMap<string, string>, code: string, line: number): string {
  const lines = code.split("\n");
  const at = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  for (const [name, text] of sources) {
    const start = code.indexOf(text);
    if (start >= 0 && at >= start && at < start + text.length)
      return `${name}.wgsl:${code.slice(start, at).split("\n").length}`;
  }
  return `line ${line}`;
}
