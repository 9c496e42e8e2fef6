/** What the report's child processes are asked for, and how they tell of it bit by bit. */
import { fileURLToPath } from "node:url";
import type { KernelFamilyName } from "../../engine/gpu/adapter.ts";
import type { Precision } from "../../engine/gpu/precision.ts";
import { askChild, messageOf, tell } from "../processes.ts";
import type { NetworkName } from "../task.ts";

interface Asked {
  readonly family: KernelFamilyName | undefined;
  readonly device: string | undefined;
}

/** `oneOfEach`: one variant of each method instead of all. `skip`: units that another process did, or died of. */
interface AskedInUnits extends Asked {
  readonly oneOfEach: boolean;
  readonly skip: number;
}

export interface TuningRequest extends AskedInUnits {
  readonly part: "tuning";
  readonly precision: Precision;
  readonly networks: readonly NetworkName[];
  readonly sizes: readonly number[];
  /** Problems at most, those with the most work. */
  readonly mostProblems: number;
  /** What `tune` is given in a run, and what it is given to see what it would find with more. */
  readonly usualMs: number;
  readonly generousMs: number;
  /** After so many milliseconds the problems that are left are passed over. */
  readonly mostMs: number;
}

export interface UnitsRequest extends AskedInUnits {
  readonly part: "self-test" | "operations" | "peaks";
}

export type ChildRequest = (Asked & { readonly part: "adapter" }) | UnitsRequest | TuningRequest;

const script = fileURLToPath(new URL("child.ts", import.meta.url));

/** A GPU that hangs is reset by its system within seconds; a process that says nothing for so long is lost, ms. */
const PATIENCE = 300_000;

export const ask = <Result>(request: ChildRequest): Promise<Result> =>
  askChild<Result>(script, request, {}, { patience: PATIENCE });

/** One piece of a part's work. */
export interface Unit<Row> {
  readonly label: string;
  run(): Promise<Row>;
}

type UnitNote<Row> = { readonly begins: string } | { readonly row: Row };

/** Of a child: does `units`, and tells of each before and after. */
export async function doUnits<Row>(units: readonly Unit<Row>[], skip: number): Promise<void> {
  for (const { label, run } of units.slice(skip)) {
    await tell({ begins: label } satisfies UnitNote<Row>);
    await tell({ row: await run() } satisfies UnitNote<Row>);
  }
}

/** Processes that may die of a unit each before the rest is given up. */
const MOST_DEATHS = 5;

/**
 * Has a child do its units, and another one go on where that died (a lost device, a crash of the driver).
 *
 * `onRow` is given each row. `lost` makes one of the unit that a process died of.
 *
 * @throws what the last child said where it died before any unit, or too many did.
 */
export async function askForUnits<Row>(
  request: Exclude<ChildRequest, { part: "adapter" }>,
  lost: (label: string, message: string) => Row,
  onRow: (row: Row) => void,
  child: string = script,
): Promise<void> {
  let begun = 0;
  for (let deaths = 0; ; deaths++) {
    const before = begun;
    let label = "";
    const onNote = (note: unknown) => {
      const told = note as UnitNote<Row>;
      if ("row" in told) {
        label = "";
        onRow(told.row);
        return;
      }
      begun++;
      label = told.begins;
    };
    try {
      await askChild(child, { ...request, skip: begun }, {}, { patience: PATIENCE, onNote });
      return;
    } catch (error) {
      if (begun === before || deaths >= MOST_DEATHS) throw error;
      if (label !== "") onRow(lost(label, messageOf(error)));
    }
  }
}
