/** Runs dispatches: workgroups and, in each phase between barriers, invocations one by one, in random order. */

import type { Invocation, Program } from "../wgsl/compile.ts";
import type { BarrierKind, Site } from "../wgsl/emitter.ts";
import { NOWHERE } from "../wgsl/runtime.ts";
import { granuleOf, sizeOf } from "../wgsl/types.ts";
import { type FaultKind, FaultLog } from "./faults.ts";
import {
  type Access,
  MANY,
  type Memory,
  MOST_PHASES,
  Shadow,
  SharedMemory,
  SUBGROUPS,
  TextureMemory,
  WatchedMemory,
} from "./memory.ts";
import { Random } from "./random.ts";
import { Subgroups } from "./subgroups.ts";

/** A compiled kernel under its label. */
export interface LoadedKernel {
  readonly label: string;
  readonly program: Program;
  /** The file and line of a line of its text. */
  placeOf(line: number): string;
}

type Triple = readonly [x: number, y: number, z: number];

/** One dispatch while it runs. */
interface Dispatch {
  readonly kernel: LoadedKernel;
  readonly run: Invocation;
  readonly grid: Triple;
  readonly subgroups: Subgroups;
  readonly workgroup: readonly WatchedMemory[];
  readonly shared: readonly SharedMemory[];
  /** Number of the first workgroup. */
  readonly firstGroup: number;
}

export class Machine {
  readonly faults: FaultLog;
  readonly #random: Random;
  readonly #subgroup: number;
  readonly #workgroupMemories = new WeakMap<Program, readonly WatchedMemory[]>();
  #phase = 0;
  #group = 1;
  #epoch = 0;
  /** Whose faults are told of now. */
  #kernel: LoadedKernel | undefined;
  /** What was told of in this dispatch, by kind and sites: a fault comes with each granule again. */
  readonly #told = new Set<string | number>();
  #at: Triple = [0, 0, 0];

  /** `subgroup`: invocations of a subgroup where the kernel doesn't say. */
  constructor(seed: number, subgroup: number) {
    this.faults = new FaultLog(seed);
    this.#random = new Random(seed);
    this.#subgroup = subgroup;
  }

  /** Runs a kernel on what is bound, by the names of its variables. */
  dispatch(kernel: LoadedKernel, bound: Readonly<Record<string, Memory>>, grid: Triple): void {
    const { program } = kernel;
    this.#kernel = kernel;
    this.#told.clear();
    if (this.#phase > MOST_PHASES / 2) this.#beginEpoch();
    const workgroup = this.#workgroupMemory(program);
    const shared = Object.values(bound).filter((memory) => memory instanceof SharedMemory);
    const memories = Object.fromEntries([
      ...Object.entries(bound),
      ...workgroup.map((m) => [m.name, m] as const),
    ]);
    for (const { shadow } of [...shared, ...workgroup]) {
      if (shadow.epoch !== this.#epoch) shadow.clear();
      shadow.epoch = this.#epoch;
    }
    const size = program.subgroup ?? this.#subgroup;
    const subgroups = new Subgroups(size, invocationsOf(program), (kind, site, who, details) =>
      this.#tell(kind, site, this.#nameAt(site), `${details} (${this.#agent(who)})`),
    );
    const run = program.instantiate(
      memories,
      subgroups,
      (site, who, index, count) => this.#outside(site, who, `index ${index} of ${count}`),
      (site, who, result) => {
        this.#tell("division by zero", site, this.#nameAt(site), this.#agent(who));
        return result;
      },
    );
    const firstGroup = this.#group;
    this.#runAll({ kernel, run, grid, subgroups, workgroup, shared, firstGroup });
  }

  #beginEpoch(): void {
    this.#epoch++;
    this.#phase = 0;
    this.#group = 1;
  }

  #workgroupMemory(program: Program): readonly WatchedMemory[] {
    let memories = this.#workgroupMemories.get(program);
    if (!memories) {
      memories = program.workgroup.map(({ name, type }) => {
        const bytes = Math.ceil(sizeOf(type) / 4) * 4;
        const shadow = new Shadow(bytes, granuleOf(type), false);
        return new WatchedMemory(name, new ArrayBuffer(bytes), 0, bytes, shadow, this.tellRace);
      });
      this.#workgroupMemories.set(program, memories);
    }
    return memories;
  }

  #runAll(dispatch: Dispatch): void {
    const { grid, shared, workgroup, firstGroup } = dispatch;
    const [x, y, z] = grid;
    const order = Int32Array.from({ length: x * y * z }, (_, i) => i);
    this.#random.shuffle(order);
    for (const index of order) {
      this.#at = [index % x, Math.floor(index / x) % y, Math.floor(index / (x * y))];
      const group = this.#group++;
      for (const memory of shared) {
        memory.group = group;
        memory.firstGroup = firstGroup;
      }
      for (const memory of workgroup) memory.u32.fill(0);
      this.#begin([...shared, ...workgroup]);
      this.#runWorkgroup(dispatch);
    }
  }

  #begin(memories: readonly WatchedMemory[]): void {
    if (++this.#phase >= MOST_PHASES) throw new Error("Expected fewer barriers in one dispatch.");
    for (const memory of memories) memory.begin(this.#phase);
  }

  #runWorkgroup(dispatch: Dispatch): void {
    const { kernel, run, grid, subgroups } = dispatch;
    const { size, hasBarriers } = kernel.program;
    const [width, height] = size;
    const lanes = Int32Array.from({ length: invocationsOf(kernel.program) }, (_, i) => i);
    this.#random.shuffle(lanes);
    const [gx, gy, gz] = this.#at;
    const [nx, ny, nz] = grid;
    const start = (who: number) => {
      const row = Math.floor(who / width);
      return run(who, gx, gy, gz, nx, ny, nz, who % width, row % height, Math.floor(row / height));
    };
    if (hasBarriers) {
      const invocations = Array.from(lanes, () => undefined as unknown as Iterator<number>);
      for (let who = 0; who < lanes.length; who++) invocations[who] = start(who)!;
      this.#runPhases(dispatch, invocations, lanes);
    } else for (const who of lanes) start(who);
    subgroups.end();
  }

  /** Runs all `lanes` to the next barrier until none is left. */
  #runPhases(dispatch: Dispatch, invocations: readonly Iterator<number>[], lanes: Int32Array): void {
    let live = lanes.length;
    while (live > 0) {
      let waiting = 0;
      let barrier = -1;
      let other = -1;
      for (let i = 0; i < live; i++) {
        const lane = lanes[i]!;
        const { done, value } = invocations[lane]!.next();
        if (done) continue;
        if (barrier < 0) barrier = value;
        else if (barrier !== value) other = value;
        lanes[waiting++] = lane;
      }
      if (waiting === 0) return;
      if (waiting < lanes.length || other >= 0) {
        this.#apart(barrier, other, waiting, lanes.length);
        return;
      }
      dispatch.subgroups.end();
      this.#beginBehind(dispatch, this.#siteAt(barrier).barrier!);
      live = waiting;
      this.#random.shuffle(lanes, live);
    }
  }

  /** A barrier orders what its own kind of memory is used for. */
  #beginBehind({ workgroup, shared }: Dispatch, kind: BarrierKind): void {
    const isOfKind = (memory: SharedMemory) => memory instanceof TextureMemory === (kind === "texture");
    this.#begin(kind === "workgroup" ? workgroup : shared.filter(isOfKind));
  }

  #apart(barrier: number, other: number, waiting: number, all: number): void {
    const details =
      other >= 0
        ? `other invocations wait at ${this.#kernel!.placeOf(this.#siteAt(other).line)}`
        : `${waiting} of ${all} invocations wait, the others have ended`;
    this.#tell("barrier not reached by all", barrier, this.#nameAt(barrier), details);
  }

  #siteAt(site: number): Site {
    return this.#kernel!.program.sites[site]!;
  }

  #nameAt(site: number): string {
    return this.#siteAt(site).name;
  }

  #agent(who: number): string {
    const workgroup = `workgroup ${this.#at.join(",")}`;
    if (who === MANY) return "several invocations";
    return who >= SUBGROUPS
      ? `subgroup ${who - SUBGROUPS} of ${workgroup}`
      : `invocation ${who} of ${workgroup}`;
  }

  #tell(kind: FaultKind, site: number, buffer: string, details: string): void {
    if (!kind.startsWith("race")) {
      if (this.#told.has(kind + site)) return;
      this.#told.add(kind + site);
    }
    const { line } = this.#siteAt(site);
    const { label, placeOf } = this.#kernel!;
    this.faults.add({ kind, kernel: label, buffer, place: placeOf(line), line, details });
  }

  #outside(site: number, who: number, details: string): number {
    this.#tell("out of range", site, this.#nameAt(site), `${details} (${this.#agent(who)})`);
    return NOWHERE;
  }

  /** For memory that is made for this machine. */
  readonly outsideTexture = (_name: string, who: number, site: number, texel: string): number =>
    this.#outside(site, who, `texel ${texel}`);

  readonly tellRace = (memory: Memory, between: boolean, now: Access, other: Access): void => {
    const { program, placeOf } = this.#kernel!;
    const key = 2 * (now.site * program.sites.length + other.site) + Number(between);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const verb = ({ isWrite }: Access) => (isWrite ? "write" : "read");
    const place = placeOf(this.#siteAt(other.site).line);
    const by = between ? "another workgroup" : this.#agent(other.who);
    const details = `${verb(now)} by ${this.#agent(now.who)} and ${verb(other)} by ${by} at ${place}`;
    this.#tell(
      between ? "race between workgroups" : "race within a workgroup",
      now.site,
      memory.name,
      details,
    );
  };
}

const invocationsOf = ({ size: [x, y, z] }: Program): number => x * y * z;
