import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openTensorFile } from "./open.ts";
import { refusal } from "./testing/files.ts";

/** Made by PyTorch itself: see make_torch.py there. */
const fixtures = fileURLToPath(import.meta.resolve("./fixtures/"));

interface Expected {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** null where they are no floats. */
  readonly values: readonly number[] | null;
}

async function expectations(version: string): Promise<[name: string, tensors: Record<string, Expected>][]> {
  return Object.entries(JSON.parse(await readFile(join(fixtures, version, "expected.json"), "utf8")));
}

const versions = ["torch-1", "torch-2"];
const files = await Promise.all(versions.map(expectations));
const cases = versions.flatMap((version, i) =>
  files[i]!.map(([name, tensors]): [string, Record<string, Expected>] => [`${version}/${name}`, tensors]),
);

describe("a file of PyTorch's", () => {
  it.each(cases)("%s gives what PyTorch finds in it", async (name, expected) => {
    await using file = await openTensorFile(join(fixtures, name));
    const format = name.endsWith(".safetensors") ? "safetensors" : `torch-${name.split(".").at(-2)}`;
    expect(file.format).toBe(format);
    expect([...file.tensors.keys()].sort()).toEqual(Object.keys(expected).sort());
    for (const [tensor, { dtype, shape, values }] of Object.entries(expected)) {
      expect(file.tensors.get(tensor), tensor).toMatchObject({ dtype, shape });
      if (values) expect([...(await file.read(tensor))], tensor).toEqual(values);
      else
        await expect(file.read(tensor)).rejects.toMatchObject({
          message: new RegExp(`but it is ${dtype}\\.$`),
        });
    }
  });

  it.each(["torch-1", "torch-2"])("of %s covers dtypes, views, nesting and old pickles", (version) => {
    const names = cases.filter(([name]) => name.startsWith(version)).map(([name]) => name.slice(8));
    expect(names).toEqual(
      expect.arrayContaining(["tricky.zip.pth", "tricky.legacy.pth", "checkpoint.zip.pth"]),
    );
    expect(names).toContain(version === "torch-1" ? "python-2.legacy.pth" : "untyped.zip.pth");
  });

  it.each([
    ["torch-1/model.zip.pth", "torch.nn.modules.container.Sequential"],
    ["torch-1/model.main.zip.pth", "__main__.Net"],
    ["torch-1/model.legacy.pth", "__main__.Bare"],
    ["torch-2/model.zip.pth", "torch.nn.modules.container.Sequential"],
    ["torch-2/model.legacy.pth", "__main__.Bare"],
  ])("%s, a whole model, is refused", async (name, model) => {
    const path = join(fixtures, name);
    await expect(openTensorFile(path)).rejects.toMatchObject(
      refusal(
        path,
        `Expected a state dict in 'F' but it is a whole model of '${model}', which only that ` +
          `model's Python code could load: save model.state_dict() instead.`,
      ),
    );
  });

  it.each([
    [
      "torchscript.zip.pth",
      /^Expected a state dict in 'F' but it is a TorchScript program: save the state_dict\(\)/,
    ],
    [
      "compressed.zip.pth",
      /but its entry 'state-dict\.zip\/data\.pkl' is compressed: save it again with torch\.save\.$/,
    ],
    ["tensor.zip.pth", /^Expected a state dict in 'F' but it holds no dictionary\.$/],
  ])("torch-1/%s is refused", async (name, sentence) => {
    const path = join(fixtures, "torch-1", name);
    await expect(openTensorFile(path)).rejects.toMatchObject(refusal(path, sentence));
  });
});
