/** Adapters by name: what Dawn says here, and what is left where it says something else. */

import { afterEach, expect, it, vi } from "vitest";
import { create } from "webgpu";
import { chooseAdapter, listAdapters } from "./dawn.ts";
import { parseAdapterNames } from "./gpu/adapter-list.ts";

vi.mock("webgpu", async (original) => {
  const real = await original<typeof import("webgpu")>();
  return { ...real, create: vi.fn(real.create) };
});
const realCreate = vi.mocked(create).getMockImplementation()!;
afterEach(() => {
  vi.mocked(create).mockImplementation(realCreate);
});

it("Dawn lists its adapters in the error for a name that none has", async () => {
  const answer = create(["backend=null", "adapter=nobody"]).requestAdapter();
  const message = await answer.then(
    () => "no error",
    (error: Error) => error.message,
  );
  expect(message).toMatch(/ found\nAvailable adapters:\n/);
  expect(parseAdapterNames(message)).toEqual(["Null backend"]);
});

it("lists adapters by the names that Dawn takes", async () => {
  const [first] = await listAdapters();
  expect(first).toMatchObject({ number: 1 });
  expect(first!.report!.driver).not.toBe("");
  for (const adapter of [first!.name, first!.name.toUpperCase(), first!.name.slice(1, -1).toLowerCase(), "1"])
    expect((await chooseAdapter({ adapter })).name).toBe(first!.name);
});

/** Dawn as it would be with other adapters, or other words. `info`: of the adapter that it gives. */
function pretend(message: string, info: Partial<GPUAdapterInfo>) {
  const flags: (string | undefined)[] = [];
  vi.mocked(create).mockImplementation((given) => {
    const flag = given.find((each) => each.startsWith("adapter="))?.slice("adapter=".length);
    flags.push(flag);
    const requestAdapter = async () => {
      if (flag?.startsWith("no ")) throw new Error(message);
      return { info, features: new Set(), limits: {} } as unknown as GPUAdapter;
    };
    return { requestAdapter } as GPU;
  });
  return flags;
}

const unknown = { vendor: "nvidia", architecture: "ada", device: "nvidia-l4", description: "NVIDIA: 560.35" };

it("asks for the name as the driver writes it, and shows that instead of the driver's", async () => {
  const list = ["NVIDIA L40", "NVIDIA L4", "Intel(R) Graphics"].map(
    (name) => ` * backend: 'vulkan', name: '${name}'`,
  );
  const flags = pretend(`x\nAvailable adapters:\n${list.join("\n")}`, unknown);
  const { name, request } = await chooseAdapter({ adapter: "intel" });
  await request();
  expect([name, flags.at(-1)]).toEqual(["Intel(R) Graphics", "Intel(R) Graphics"]);
  await expect(chooseAdapter({ adapter: "nvidia l4" })).rejects.toMatchObject({
    code: "no-adapter",
    message: expect.stringContaining("gives 'NVIDIA L40' (1) for 'NVIDIA L4' (2)"),
  });
  const listed = await listAdapters();
  expect(listed.map((adapter) => [adapter.number, adapter.name, adapter.behind])).toEqual([
    [1, "NVIDIA L40", undefined],
    [2, "NVIDIA L4", 1],
    [3, "Intel(R) Graphics", undefined],
  ]);
  expect(listed[2]!.report).toMatchObject({ driver: "NVIDIA: 560.35", family: "gpu" });
});

it("takes those that WebGPU prefers where Dawn lists none", async () => {
  pretend("these words are new", unknown);
  expect((await listAdapters()).map(({ name }) => name)).toEqual(["nvidia-l4"]);
  expect((await chooseAdapter({ adapter: "NVIDIA-L" })).name).toBe("nvidia-l4");
  await expect(chooseAdapter({ adapter: "amd" })).rejects.toThrow("but found 'nvidia-l4' (1).");
});
