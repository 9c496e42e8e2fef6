import { expect, test } from "vitest";
import { compact, compactSmall } from "../../../weights/shipped.ts";
import { type ConvLayer, vgg19 } from "../../network/layers.ts";
import { openContext } from "../../node.ts";
import { isDirect } from "./direct.ts";
import { directShader } from "./direct-shader.ts";
import type { OutputMode } from "./finish.ts";
import { gemmShader } from "./gemm-shader.ts";
import { bandsOf, gramChunksIn, tileShape, workgroupFor, workgroupOf } from "./layout.ts";
import { inputTransformShader, outputTransformShader, winogradLibs } from "./winograd-shaders.ts";

test("every generated shader compiles", async () => {
  using context = await openContext({ backend: "null", family: "cpu" });
  const tiles = [
    { rows: 64, depth: 4, adds: false },
    { rows: 4, depth: 64, adds: true },
    { rows: 64, depth: 64, adds: false },
    { rows: 32, depth: 128, adds: false },
    { rows: 32, depth: 128, adds: true },
  ];
  const directTiles = [
    { depth: 3, outputs: 8 },
    { depth: 16, outputs: 8 },
    { depth: 16, outputs: 4 },
  ];
  const modes: readonly OutputMode[] = ["forward", "plain", "masked", "masked-add"];
  const kernels = [
    context.generatedKernel("input", inputTransformShader, winogradLibs),
    ...modes.map((mode) => context.generatedKernel(mode, () => outputTransformShader(mode), winogradLibs)),
    ...tiles.flatMap((tile) =>
      [16, 64, 256].map((workgroup) =>
        context.generatedKernel(`${JSON.stringify(tile)} ${workgroup}`, () =>
          gemmShader({ ...tile, workgroup }),
        ),
      ),
    ),
    ...directTiles.map((tile) =>
      context.generatedKernel(JSON.stringify(tile), () => directShader(tile), ["fast_divide"]),
    ),
    context.kernel("winograd_weights", { libs: ["linear_index", "winograd4"] }),
    context.kernel("gram_operand", { libs: ["linear_index", "fast_divide"] }),
    context.kernel("gram_chunks_sum", { libs: ["linear_index"] }),
    context.kernel("features_copy", { libs: ["texel_f32", "linear_index", "features_texture"] }),
    context.kernel("image_pack", { libs: ["linear_index"] }),
    context.kernel("image_unpack", { libs: ["linear_index"] }),
    context.kernel("pool_avg", { libs: ["texel_f32", "map_texture"] }),
    context.kernel("pool_max", { libs: ["texel_f32", "map_texture"] }),
    context.kernel("pool_avg_backward", { libs: ["texel_f32", "map_buffer", "mask_tiles", "loss_gradient"] }),
    context.kernel("pool_max_backward", {
      libs: ["texel_f32", "map_buffer", "mask_tiles", "no_loss_gradient"],
    }),
    context.kernel("relu_backward", { libs: ["texel_f32", "mask_tiles", "loss_gradient"] }),
    context.kernel("style_loss", { libs: ["reduce", "weight_quads"] }),
    context.kernel("content_loss", { libs: ["texel_f32", "reduce", "features_texture"] }),
  ];
  await expect(Promise.all(kernels.map(({ ready }) => ready))).resolves.toHaveLength(kernels.length);
});

test("a shader that does not compile says where", async () => {
  using context = await openContext({ backend: "null", family: "cpu" });
  const kernel = context.generatedKernel(
    "broken",
    () => "@compute @workgroup_size(1)\nfn main() { let a = b; }",
  );
  await expect(kernel.ready).rejects.toMatchObject({
    code: "gpu-error",
    message: expect.stringMatching(/Shader 'broken' does not compile: 2:21 .*'b'/),
  });
});

test("with debug it shows the lines around the fault", async () => {
  const told: string[] = [];
  using context = await openContext({ backend: "null", debug: (sentence) => told.push(sentence) });
  const text = context.shaderText("pool_avg").replace("let row = 2u * id.y;", "let row = 2u * nowhere;");
  const kernel = context.generatedKernel("broken pool", () => text, ["texel_f32", "map_buffer"]);
  await expect(kernel.ready).rejects.toThrow("nowhere");
  expect(told).toHaveLength(1);
  const [sentence, ...lines] = told[0]!.split("\n");
  expect(sentence).toMatch(/^shader 'broken pool': .*nowhere/);
  const [, number] = /^ *(\d+) \| {3}let row = 2u \* nowhere;$/.exec(lines[3]!) ?? [];
  expect(kernel.code.split("\n")[Number(number) - 1]).toBe("  let row = 2u * nowhere;");
  expect(lines[4]).toBe(`       | ${" ".repeat("  let row = 2u * ".length)}^`);
  expect(lines).toHaveLength(8);
  expect(lines[5]).toContain("let column = 2u * id.x;");
});

test("the picture's layer and those of few channels are computed by direct sums", () => {
  const direct = (layers: readonly ConvLayer[]) => layers.filter(isDirect).map(({ name }) => name);
  expect(direct(vgg19)).toEqual(["conv1_1"]);
  expect(direct(compact.layers)).toEqual(["conv1_1"]);
  expect(direct(compactSmall.layers)).toEqual(["conv1_1", "conv1_2", "conv2_1"]);
});

test("bands cover all tiles with whole workgroups", () => {
  for (const tiles of [1, 4, 16, 63, 144, 256, 1000, 1024, 1025, 4096, 5041]) {
    const bands = bandsOf(tiles);
    let next = 0;
    for (const { firstTile, columns } of bands) {
      expect(firstTile).toBe(next);
      expect(columns % workgroupOf(columns)).toBe(0);
      next += Math.min(columns, tiles - firstTile);
    }
    expect(next).toBe(tiles);
  }
});

test("workgroups waste little on padding and on staging", () => {
  expect([16, 64, 144, 256, 1024].map(workgroupFor)).toEqual([16, 64, 64, 256, 256]);
});

test("tiles divide the products of every layer", () => {
  const sizes: readonly [rows: number, depth: number][] = [
    [64, 4],
    [4, 64],
    [64, 64],
    [128, 64],
    [64, 128],
    [256, 512],
    [512, 512],
  ];
  for (const [rows, depth] of sizes) {
    const tile = tileShape(rows, depth);
    expect([rows % tile.rows, depth % tile.depth], `${rows} x ${depth}`).toEqual([0, 0]);
  }
});

test("Gram products are cut into as many chunks as fit", () => {
  expect(gramChunksIn(36 * 16 * 1024, 64)).toBe(144);
  expect(gramChunksIn(36 * 16 * 1024, 512)).toBe(9);
});
