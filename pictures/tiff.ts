/**
 * What the tags of a TIFF tell that its decoder does not: which of its pages is the picture, which of its channels is
 * opacity, and whether it is of a kind that can be decoded at all. sharp tells none of these.
 *
 * Source: TIFF 6.0 (Adobe, 1992), its Technical Note of 2002, and BigTIFF as libtiff reads it.
 */

/** A page; what its file leaves out has the value that TIFF 6.0 gives it. */
export interface TiffPage {
  /** Whether it is a smaller version of another page, or a mask, and so no picture of its own. */
  readonly isMinor: boolean;
  /** Bits of each channel. */
  readonly bits: readonly number[];
  readonly compression: number;
  readonly photometric: number;
  /** What each channel behind those of the colour means: 0 anything, 1 or 2 opacity. */
  readonly extraSamples: readonly number[];
  readonly sampleFormats: readonly number[];
}

const tags = {
  newSubfileType: 254,
  subfileType: 255,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

/** Bytes of a value, by its type: those that the tags above have. */
const widths: Readonly<Record<number, 1 | 2 | 4>> = { 1: 1, 3: 2, 4: 4 };

const wanted: ReadonlySet<number> = new Set(Object.values(tags));

/** More than any picture has: what says that it has more is damaged, or goes round in a circle. */
const MAX_PAGES = 1000;
const MAX_ENTRIES = 65_535;
const MAX_VALUES = 64;

const signature = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 4)).toString("latin1");

/** Whether a file begins as a TIFF does, BigTIFF included. */
export function isTiff(bytes: Uint8Array): boolean {
  return ["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(signature(bytes));
}

/** The pages of a TIFF in their order; of a damaged one those in front of the damage. Never throws. */
export function tiffPages(bytes: Uint8Array): readonly TiffPage[] {
  const pages: TiffPage[] = [];
  if (!isTiff(bytes)) return pages;
  const reader = new Reader(bytes);
  try {
    for (let at = reader.first(); at !== 0 && pages.length < MAX_PAGES; ) {
      const { values, next } = reader.directory(at);
      pages.push(pageOf(values));
      at = next;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the damage
  }
  return pages;
}

/** Numbers of a file, in its order of bytes and width of offsets. Throws RangeError behind its end. */
class Reader {
  readonly #view: DataView;
  readonly #isLittle: boolean;
  readonly #isBig: boolean;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = bytes[0] === 0x49;
    this.#isBig = signature(bytes).includes("+");
  }

  /** Where the first directory begins. */
  first(): number {
    return this.#isBig ? this.#offset(8) : this.#offset(4);
  }

  /** The values of the wanted tags, and where the next directory begins; 0: there is none. */
  directory(at: number): { values: ReadonlyMap<number, readonly number[]>; next: number } {
    const entries = this.#isBig ? this.#offset(at) : this.#number(at, 2);
    if (entries > MAX_ENTRIES) throw new RangeError(`${entries} entries`);
    const [start, size] = this.#isBig ? [at + 8, 20] : [at + 2, 12];
    const values = new Map<number, readonly number[]>();
    for (let entry = start; entry < start + entries * size; entry += size) {
      const tag = this.#number(entry, 2);
      const found = wanted.has(tag) ? this.#values(entry) : [];
      if (found.length > 0) values.set(tag, found);
    }
    return { values, next: this.#offset(start + entries * size) };
  }

  #values(entry: number): readonly number[] {
    const width = widths[this.#number(entry + 2, 2)];
    if (width === undefined) return [];
    const count = Math.min(this.#offset(entry + 4), MAX_VALUES);
    const field = entry + (this.#isBig ? 12 : 8);
    const from = count * width <= (this.#isBig ? 8 : 4) ? field : this.#offset(field);
    return Array.from({ length: count }, (_, i) => this.#number(from + i * width, width));
  }

  /** An offset or a count: 4 bytes, 8 in BigTIFF. */
  #offset(at: number): number {
    return this.#isBig ? Number(this.#view.getBigUint64(at, this.#isLittle)) : this.#number(at, 4);
  }

  #number(at: number, width: 1 | 2 | 4): number {
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at, this.#isLittle) : this.#view.getUint32(at, this.#isLittle);
  }
}

const REDUCED = 1;
const MASK = 4;
const OLD_REDUCED = 2;

function pageOf(values: ReadonlyMap<number, readonly number[]>): TiffPage {
  const one = (tag: number, otherwise: number) => values.get(tag)?.[0] ?? otherwise;
  const isFlagged = (one(tags.newSubfileType, 0) & (REDUCED | MASK)) !== 0;
  return {
    isMinor: isFlagged || one(tags.subfileType, 0) === OLD_REDUCED,
    bits: values.get(tags.bitsPerSample) ?? [1],
    compression: one(tags.compression, 1),
    photometric: one(tags.photometric, 1),
    extraSamples: values.get(tags.extraSamples) ?? [],
    sampleFormats: values.get(tags.sampleFormat) ?? [UNSIGNED],
  };
}

/** Indices of the pages that are pictures: thumbnails, smaller versions and masks belong to another page. */
export function mainPages(pages: readonly TiffPage[]): readonly number[] {
  const main = [...pages.keys()].filter((i) => !pages[i]!.isMinor);
  return main.length > 0 ? main : [...pages.keys()];
}

/**
 * Index of the channel that is opacity among those behind the colour's; undefined where none is.
 *
 * A single channel that the file says nothing of is opacity, as other readers take it.
 */
export function opacityChannel({ extraSamples }: TiffPage): number | undefined {
  const told = extraSamples.findIndex((meaning) => meaning === 1 || meaning === 2);
  if (told >= 0) return told;
  return extraSamples.length <= 1 ? 0 : undefined;
}

const UNSIGNED = 1;
const MAX_BITS = 64;
const JPEG = 7;
const YCBCR = 6;

/** The compressions that libtiff has in sharp's build. */
const readCompressions: readonly number[] = [1, 2, 3, 4, 5, JPEG, 8, 32773, 32946, 50001];
const compressionNames: Readonly<Record<number, string>> = {
  6: "the JPEG of before 1995",
  34661: "JBIG",
  34676: "SGI LogLuv",
  34677: "SGI LogLuv",
  34712: "JPEG 2000",
  34887: "LERC",
  34925: "LZMA",
  34933: "PNG",
  34934: "JPEG XR",
  50000: "Zstandard",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

/** Grey (two ways), RGB, a palette, CMYK and YCbCr. */
const readColours: readonly number[] = [0, 1, 2, 3, 5, YCBCR];
const colourNames: Readonly<Record<number, string>> = {
  4: "a mask alone",
  8: "Lab colours",
  9: "Lab colours",
  10: "Lab colours",
  32803: "a sensor's raw values",
  32844: "logarithmic light",
  32845: "logarithmic light",
  34892: "a sensor's raw values",
};

const formatNames: Readonly<Record<number, string>> = {
  2: "numbers with a sign",
  3: "floating-point numbers",
  5: "complex numbers",
  6: "complex numbers",
};

/** What makes a page one that can't be decoded, as in "it is ...", or undefined. Nothing of this is damage. */
export function unreadKind({ bits, compression, photometric, sampleFormats }: TiffPage): string | undefined {
  if (!readCompressions.includes(compression))
    return `is compressed with ${compressionNames[compression] ?? `method ${compression}`}`;
  if (!readColours.includes(photometric))
    return `has ${colourNames[photometric] ?? `colours of kind ${photometric}`}`;
  if (photometric === YCBCR && compression !== JPEG) return "has YCbCr colours without JPEG's compression";
  // 4 says that nothing is known of the numbers; readers take them as unsigned
  const format = sampleFormats.find((one) => one !== UNSIGNED && one !== 4);
  if (format !== undefined) return `has ${formatNames[format] ?? `numbers of kind ${format}`}`;
  const isFew = bits.length === 1 && [1, 2, 4].includes(bits[0]!);
  if (bits.some((one) => one < 1 || one > MAX_BITS)) return undefined; // damage, which the decoder tells of
  const isUsual = bits.every((one) => one === bits[0]) && [8, 16].includes(bits[0]!);
  return isUsual || isFew ? undefined : `has ${[...new Set(bits)].join(", ")} bits a channel`;
}
