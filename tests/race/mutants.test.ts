/** Each barrier of our shaders is left out in turn: a checker that misses one, or a barrier that nobody needs, fails. */
import { describe, expect, it } from "vitest";
import { readShader } from "../../engine/node.ts";
import { allCases } from "./cases/all.ts";
import { openRaceContext } from "./context.ts";
import { kernelFiles, sharedFiles } from "./shader-files.ts";

interface Barrier {
  readonly file: string;
  /** File and line. */
  readonly place: string;
  readonly text: string;
  /** The file without it. */
  readonly mutant: string;
}

const barrier = /\b(?:workgroup|storage|texture)Barrier\(\);|\bworkgroupUniformLoad\(&(\w+)\)/g;

/** The barriers of a file that are no comment. */
function barriersOf(file: string): readonly Barrier[] {
  const whole = readShader(file);
  return [...whole.matchAll(barrier)].flatMap(({ 0: text, 1: variable = "", index }): Barrier[] => {
    const before = whole.slice(0, index);
    if (/\/\/[^\n]*$/.test(before)) return [];
    const mutant = before + variable + whole.slice(index + text.length);
    return [{ file, place: `${file}.wgsl:${before.split("\n").length}`, text, mutant }];
  });
}

/**
 * Cases that tell, the smallest that take a file's kernel through all its loops twice: of those whose names begin so,
 * the first.
 */
const smallest: Readonly<Record<string, string>> = {
  conv2d_gemm: "gemm-32x32-4x4 forward in f32",
  conv2d_matrix: "NVIDIA's matrix-f16-16x8x16-32x32 forward in f16",
  conv2d_split_sum: "gemm-64x64-8x4-split4 forward in f32",
  conv2d_winograd_input: "winograd2-64x64-8x4 forward in f32",
  conv2d_winograd_output: "winograd2-64x64-8x4 forward in f32",
  conv_input: "a picture of 5x7 to 32 channels",
  conv_input_backward: "a picture of 19x33 to 96 channels",
  gram_product: "Gram matrix of 64 channels of 17x19 in f32",
  "lib/reduce": "content loss alone in f32",
  loss_record: "a record of 7 losses",
  lbfgs_dots: "L-BFGS on quadratic of 7 values",
  lbfgs_direction: "L-BFGS on quadratic of 7 values",
};

const barriers = [...kernelFiles, ...sharedFiles].flatMap(barriersOf);

/** What a mutant's case tells: faults, or what is wrong with its values. */
async function findings({ file, mutant }: Barrier): Promise<readonly string[]> {
  const start = smallest[file];
  const found = start && allCases.find(({ name }) => name.startsWith(start));
  if (!found) throw new Error(`Expected a case for the barriers of ${file} but there is none.`);
  const shaders = (name: string) => (name === file ? mutant : readShader(name));
  using context = openRaceContext({ ...found.options, shaders });
  try {
    await found.run(context);
  } catch (error) {
    // Anything but a wrong value, such as a text that does not compile, proves nothing.
    if (!(error instanceof Error) || error.name !== "AssertionError") throw error;
    return [...context.faults.sentences, error.message];
  }
  return context.faults.sentences;
}

describe("a barrier that is left out is noticed", () => {
  it.each(barriers)("$place $text", async (mutated) => {
    expect(await findings(mutated), mutated.place).not.toEqual([]);
  });

  it("is found in all files that have one", () => {
    const files = [...kernelFiles, ...sharedFiles].filter((file) =>
      /Barrier|UniformLoad/.test(readShader(file)),
    );
    expect([...new Set(barriers.map(({ file }) => file))]).toEqual(files);
    expect(barriers.length).toBeGreaterThan(20);
  });
});
