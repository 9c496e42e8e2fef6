/**
 * Memory that invocations share, and its shadow: who read and wrote each granule, when.
 *
 * Only barriers of a memory's own kind order accesses to it, and only within a workgroup. So time is counted in phases,
 * a new one behind each such barrier, and two accesses of one phase by different invocations race if one is a write, in
 * whatever order they happened to be done.
 */

/** An access of invocation `who`, in the numbering of `Phase`, at a place in the text. */
export interface Access {
  readonly isWrite: boolean;
  readonly who: number;
  readonly site: number;
}

/** `between`: whether they are in different workgroups. `other.who` is MANY where several read. */
export type TellRace = (memory: Memory, between: boolean, now: Access, other: Access) => void;

/** Who does something: an invocation's index in its workgroup, a subgroup behind them, or several of them. */
export const SUBGROUPS = 1024;
export const MANY = 2047;
const AGENTS = 2048;
/** Phases that stamps can count. */
export const MOST_PHASES = 2 ** 31 / AGENTS - 1;
const MANY_GROUPS = 2 ** 31 - 1;

export class Memory {
  readonly name: string;
  readonly f32: Float32Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly bytes: number;

  /** `bytes`, a multiple of 4, from `offset` on. */
  constructor(name: string, buffer: ArrayBuffer, offset: number, bytes: number) {
    this.name = name;
    this.bytes = bytes;
    this.f32 = new Float32Array(buffer, offset, bytes / 4);
    this.u32 = new Uint32Array(buffer, offset, bytes / 4);
    this.i32 = new Int32Array(buffer, offset, bytes / 4);
    this.u16 = new Uint16Array(buffer, offset, bytes / 2);
  }
}

/** Stamps of the last accesses to each granule, and where they were. */
export class Shadow {
  readonly granule: number;
  /** Of the counting of phases and groups that its stamps are of. */
  epoch = 0;
  readonly lastWrite: Int32Array;
  readonly lastRead: Int32Array;
  readonly writeSite: Int32Array;
  readonly readSite: Int32Array;
  /** Numbers of workgroups; of storage only. */
  readonly writeGroup: Int32Array;
  readonly readGroup: Int32Array;

  constructor(bytes: number, granule: number, hasGroups: boolean) {
    const granules = Math.ceil(bytes / granule);
    this.granule = granule;
    this.lastWrite = new Int32Array(granules);
    this.lastRead = new Int32Array(granules);
    this.writeSite = new Int32Array(granules);
    this.readSite = new Int32Array(granules);
    this.writeGroup = new Int32Array(hasGroups ? granules : 0);
    this.readGroup = new Int32Array(hasGroups ? granules : 0);
  }

  clear(): void {
    for (const stamps of [this.lastWrite, this.lastRead, this.writeGroup, this.readGroup]) stamps.fill(0);
  }
}

/** Memory of a workgroup. */
export class WatchedMemory extends Memory {
  readonly shift: number;
  readonly shadow: Shadow;
  readonly tell: TellRace;
  /** The stamp of the phase, to which those who do something are added. */
  base = 0;

  constructor(
    name: string,
    buffer: ArrayBuffer,
    offset: number,
    bytes: number,
    shadow: Shadow,
    tell: TellRace,
  ) {
    super(name, buffer, offset, bytes);
    this.shift = Math.log2(shadow.granule);
    this.shadow = shadow;
    this.tell = tell;
  }

  /** Begins the phase of this number, larger than all before. */
  begin(phase: number): void {
    this.base = phase * AGENTS;
  }

  read(address: number, bytes: number, who: number, site: number): void {
    const last = (address + bytes - 1) >> this.shift;
    for (let granule = address >> this.shift; granule <= last; granule++)
      this.readGranule(granule, who, site);
  }

  write(address: number, bytes: number, who: number, site: number): void {
    const last = (address + bytes - 1) >> this.shift;
    for (let granule = address >> this.shift; granule <= last; granule++)
      this.writeGranule(granule, who, site);
  }

  readGranule(granule: number, who: number, site: number): void {
    const { lastWrite, lastRead, readSite, writeSite } = this.shadow;
    const { base } = this;
    const written = lastWrite[granule]!;
    if (written >= base && written !== base + who)
      this.tell(this, false, access(false, who, site), access(true, written - base, writeSite[granule]!));
    const read = lastRead[granule]!;
    if (read < base) {
      lastRead[granule] = base + who;
      readSite[granule] = site;
    } else if (read !== base + who) lastRead[granule] = base + MANY;
  }

  writeGranule(granule: number, who: number, site: number): void {
    const { lastWrite, lastRead, readSite, writeSite } = this.shadow;
    const { base } = this;
    const written = lastWrite[granule]!;
    if (written >= base && written !== base + who)
      this.tell(this, false, access(true, who, site), access(true, written - base, writeSite[granule]!));
    const read = lastRead[granule]!;
    if (read >= base && read !== base + who)
      this.tell(this, false, access(true, who, site), access(false, read - base, readSite[granule]!));
    lastWrite[granule] = base + who;
    writeSite[granule] = site;
  }
}

const access = (isWrite: boolean, who: number, site: number): Access => ({ isWrite, who, site });

/** Memory of a buffer or texture, which all workgroups of a dispatch share and nothing orders between them. */
export class SharedMemory extends WatchedMemory {
  /** Numbers of this workgroup, and of the first one of the dispatch. */
  group = 0;
  firstGroup = 0;

  override readGranule(granule: number, who: number, site: number): void {
    super.readGranule(granule, who, site);
    const { writeGroup, readGroup, writeSite } = this.shadow;
    const { group, firstGroup } = this;
    const writer = writeGroup[granule]!;
    if (writer >= firstGroup && writer !== group)
      this.tell(this, true, access(false, who, site), access(true, MANY, writeSite[granule]!));
    const reader = readGroup[granule]!;
    if (reader < firstGroup) readGroup[granule] = group;
    else if (reader !== group) readGroup[granule] = MANY_GROUPS;
  }

  override writeGranule(granule: number, who: number, site: number): void {
    const { writeGroup, readGroup, writeSite, readSite } = this.shadow;
    const { group, firstGroup } = this;
    const writer = writeGroup[granule]!;
    if (writer >= firstGroup && writer !== group)
      this.tell(this, true, access(true, who, site), access(true, MANY, writeSite[granule]!));
    const reader = readGroup[granule]!;
    if (reader >= firstGroup && reader !== group)
      this.tell(this, true, access(true, who, site), access(false, MANY, readSite[granule]!));
    super.writeGranule(granule, who, site);
    writeGroup[granule] = group;
  }
}

/** Texels of 16 bytes: [layers][height][width]. */
export class TextureMemory extends SharedMemory {
  readonly size: readonly [width: number, height: number, layers: number];
  readonly #outside: (name: string, who: number, site: number, texel: string) => number;

  constructor(
    name: string,
    buffer: ArrayBuffer,
    size: readonly [number, number, number],
    shadow: Shadow,
    tell: TellRace,
    outside: (name: string, who: number, site: number, texel: string) => number,
  ) {
    super(name, buffer, 0, buffer.byteLength, shadow, tell);
    this.size = size;
    this.#outside = outside;
  }

  /** The address of a texel. */
  texel(x: number, y: number, layer: number, who: number, site: number): number {
    const [width, height, layers] = this.size;
    const isInside = x >= 0 && x < width && y >= 0 && y < height && layer >= 0 && layer < layers;
    if (!isInside)
      return this.#outside(this.name, who, site, `${x}, ${y}, ${layer} of ${this.size.join("x")}`);
    return 16 * ((layer * height + y) * width + x);
  }
}
