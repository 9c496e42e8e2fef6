/** The race checker itself: programs of one fault each, and the same without it. */
import { describe, expect, it, test } from "vitest";
import { openRaceContext } from "./context.ts";
import { barriers, bounds, main, races, subgroups, type Twins, x, zeros } from "./faulty-programs.ts";
import { runText } from "./run-text.ts";

async function faultsOf({ contents = [zeros(4)], grid, options = {} }: Twins, text: string) {
  const context = openRaceContext(options);
  await runText(context.device, text, contents, grid);
  return context.faults;
}

describe.each([
  { title: "races", twins: races },
  { title: "bounds and divisions", twins: bounds },
  { title: "barriers", twins: barriers },
  { title: "matrices of subgroups", twins: subgroups },
])("tells of $title", ({ twins }) => {
  test.each(twins)("$name", async (twin) => {
    const { text, fault, kind, buffer } = twin;
    expect(text).toContain(fault[0]);
    expect((await faultsOf(twin, text)).sentences).toEqual([]);
    const faulty = text.replace(fault[0], fault[1]);
    const marked = faulty.split("\n").flatMap((line, i) => (line.includes("HERE") ? [i + 1] : []));
    for (const seed of [1, 2, 3]) {
      const { all } = await faultsOf({ ...twin, options: { ...twin.options, seed } }, faulty);
      expect(all.map((found) => found.kind)).toContain(kind);
      for (const found of all) {
        expect(found).toMatchObject({ kernel: "tiny", buffer });
        expect(marked).toContain(found.line);
      }
    }
  });
});

describe("order", () => {
  const text = `@group(0) @binding(0) var<storage, read_write> n: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> order: array<u32>;
${main(16, "order[atomicAdd(&n[0], 1u)] = 16u * group.x + i;")}`;
  const order = async (seed: number) => {
    const context = openRaceContext({ seed });
    const [, bytes] = await runText(context.device, text, [zeros(4), zeros(64)], [4]);
    return [...new Uint32Array(bytes!)];
  };

  it("is another with another seed, and the same with the same", async () => {
    const [first, second, again] = [await order(1), await order(2), await order(1)];
    expect(first).toEqual(again);
    expect(first).not.toEqual(second);
    expect([...first].sort((a, b) => a - b)).toEqual([...Array(64).keys()]);
  });

  it("is told by its seed", async () => {
    const context = openRaceContext({ seed: 77 });
    await runText(context.device, `${x}${main(4, "x[0] = i;")}`, [zeros(4)]);
    expect(context.faults.sentences).toEqual([
      expect.stringMatching(/^race within a workgroup in 'tiny', 'x' at line 4: .*\(seed 77\)$/),
    ]);
  });
});

it("lets neighbours write halves of one word", async () => {
  const context = openRaceContext();
  const text = `enable f16;
@group(0) @binding(0) var<storage, read_write> h: array<f16>;
${main(8, "h[i] = f16(i);")}`;
  const [bytes] = await runText(context.device, text, [zeros(4)]);
  expect(context.faults.sentences).toEqual([]);
  expect([...new Uint16Array(bytes!)]).toEqual([0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700]);
});

it("has zeros in variables without a value, each time they are declared", async () => {
  const context = openRaceContext();
  const text = `struct Pair { a: u32, b: vec2u }
${x}var<private> own: u32;
var<private> many: array<u32, 3>;
var<workgroup> shared_: array<u32, 4>;
${main(
  4,
  `for (var k = 0u; k < 3u; k++) {
  var n: u32;
  var a: array<vec2u, 2>;
  var p: Pair;
  x[i] += n + a[k & 1u].y + p.b.y;
  n = 1u;
  a[k & 1u].y = 1u;
  p.b.y = 1u;
}
x[i] += own + many[i % 3u] + shared_[i];
own = 1u;
many[i % 3u] = 1u;
shared_[i] = 1u;`,
)}`;
  const [bytes] = await runText(context.device, text, [zeros(8)], [1]);
  expect([...new Uint32Array(bytes!)]).toEqual(Array(8).fill(0));
  expect(context.faults.sentences).toEqual([]);
});
