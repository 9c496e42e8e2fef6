/** `stylize weights` as a user sees it: real files, and a real server on this machine. */
import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestIo } from "../tests/io.ts";
import { entryOf, misbehave, TestServer, testFile } from "../weights/download/testing/server.ts";
import { bestNetwork, manifest } from "../weights/manifest.ts";
import { compact, compactSmall, shippedNetworks } from "../weights/shipped.ts";
import { encodeSafetensors, features, likeTorchvision, tensors } from "../weights/testing/tensors.ts";
import { run } from "./run.ts";
import { pullCommand } from "./weights.ts";

let folder: string;
let cache: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-weights-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  cache = join(folder, `cache-${Math.random()}`);
});

/** What a command says and returns; the cache is the test's own. */
async function runHere(...argv: string[]) {
  const io = new TestIo();
  io.env.STYLIZE_CACHE = cache;
  const status = await run(["weights", ...argv], io);
  return { status, stdout: io.stdout.text, stderr: io.stderr.text };
}

const args = { name: "net", from: undefined, convolutionsOnly: false, report: "people" } as const;

describe("stylize weights", () => {
  it("lists all networks, to people and to machines, those that come with the program first", async () => {
    const people = await runHere("list");
    expect(people.status).toBe(0);
    for (const { name, licence } of [...shippedNetworks, ...manifest]) {
      expect(people.stdout).toContain(`${name}\n`);
      expect(people.stdout).toContain(licence);
    }
    const machines = (await runHere("list", "--json")).stdout.trim().split("\n");
    const records = machines.map((line) => JSON.parse(line));
    const names = [...shippedNetworks, ...manifest].map(({ name }) => name);
    expect(records.map(({ name }) => name)).toEqual([...names, "generated"]);
    for (const { name, path } of records) {
      const shipped = shippedNetworks.find((network) => network.name === name);
      expect(path === undefined ? undefined : basename(path)).toBe(shipped?.file);
      if (shipped) expect(people.stdout).toContain(`comes with the program: ${path}\n`);
    }
  });

  it("tells which is used when no other is asked for", async () => {
    const used = async () => {
      const { stdout } = await runHere("list", "--json");
      const records = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      const people = (await runHere("list")).stdout.match(/when no other is asked for, .*/g);
      return [
        people,
        ...records.filter((one) => one.defaultOn.length > 0).map((one) => [one.name, one.defaultOn]),
      ];
    };
    const sentence = "when no other is asked for, on adapters of kind";
    expect(await used()).toEqual([
      [`${sentence} gpu`, `${sentence} software`],
      [compact.name, ["gpu"]],
      [compactSmall.name, ["software"]],
    ]);
    const path = join(cache, "weights", bestNetwork.file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "");
    await truncate(path, bestNetwork.size); // sparse, but as large as the published one
    expect(await used()).toEqual([[`${sentence} gpu and software`], [bestNetwork.name, ["gpu", "software"]]]);
  });

  it.each(shippedNetworks)("verifies $name, and finds where it is", async ({ name, file, size, sha256 }) => {
    const path = (await runHere("path", name)).stdout.trimEnd();
    expect(basename(path)).toBe(file);
    const sentence = `'${path}' is '${name}' as it was shipped, SHA-256 ${sha256}.\n`;
    for (const source of [name, path])
      expect(await runHere("verify", source)).toEqual({ status: 0, stdout: sentence, stderr: "" });
    const { stdout } = await runHere("verify", name, "--json");
    expect(JSON.parse(stdout)).toEqual({ path, name, size, sha256 });
  });

  it.each(shippedNetworks)("says that $name need not be fetched", async ({ name, licence }) => {
    const path = (await runHere("path", name)).stdout.trimEnd();
    const sentence = `'${name}' comes with the program and is in '${path}'. Licence: ${licence}.\n`;
    expect(await runHere("pull", name)).toEqual({ status: 0, stdout: "", stderr: sentence });
    expect(await runHere("pull", name, "--quiet")).toEqual({ status: 0, stdout: "", stderr: "" });
    const { stdout } = await runHere("pull", name, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ event: "done", name, path, verified: true, fetched: false });
  });

  it.each([["--from", "some.safetensors"], ["--convolutions-only"], ["--cache", "some"]])(
    "takes no %s for a network that need not be fetched",
    async (flag, ...value) => {
      expect(await runHere("pull", compact.name, flag!, ...value)).toEqual({
        status: 2,
        stdout: "",
        stderr: `error: Expected no ${flag} for '${compact.name}', which comes with the program and is not fetched.\n`,
      });
    },
  );

  it.each(shippedNetworks)("shows how wide $name is", async ({ name, layers }) => {
    const channels = layers.map(({ outChannels }) => outChannels);
    const widths = `${Math.min(...channels)} to ${Math.max(...channels)} channels`;
    expect((await runHere("inspect", name)).stdout).toContain(`conv1_1 to conv5_1, ${widths}\n`);
    expect(JSON.parse((await runHere("inspect", name, "--json")).stdout)).toMatchObject({
      channels,
      metadata: { network: name },
    });
  });

  it("takes no other preprocessing for one that ships, nor a file for the generated one", async () => {
    const output = join(folder, "never.safetensors");
    expect(await runHere("convert", compact.name, output, "--preprocessing", "caffe")).toEqual({
      status: 2,
      stdout: "",
      stderr: `error: Expected no preprocessing for '${compact.name}', which has its own.\n`,
    });
    const sentence =
      "error: Expected a network with a file but the generated network has none: it is made whenever it is needed.\n";
    for (const argv of [["verify"], ["inspect"], ["path"], ["convert", output]]) {
      const [command, ...rest] = argv as [string];
      const outcome = await runHere(command, "generated", ...rest);
      expect(outcome, command).toEqual({ status: 2, stdout: "", stderr: sentence });
    }
    expect((await runHere("pull", "generated")).stderr).toMatch(
      /but the generated network is made whenever it is needed\.\n$/,
    );
  });

  it("does not write over one that ships", async () => {
    const path = (await runHere("path", compact.name)).stdout.trim();
    const before = await readFile(path);
    try {
      const outcome = await runHere("convert", compact.name, path);
      expect(outcome).toEqual({
        status: 2,
        stdout: "",
        stderr: `error: Expected OUTPUT to be a file that this run uses for nothing else but received '${path}'.\n`,
      });
    } finally {
      if (!before.equals(await readFile(path))) await writeFile(path, before);
    }
  });

  it("inspects a hostile file's words without letting them steer the terminal", async () => {
    const path = join(folder, "words.safetensors");
    await writeFile(path, encodeSafetensors(tensors(features), { author: "\u001b[31mred\nformat: none" }));
    const { stdout } = await runHere("inspect", path);
    expect(stdout).toContain("author: \ufffd[31mred\ufffdformat: none\n");
  });

  it.each([["verify"], ["inspect"], ["path"], ["convert", "out.safetensors"]])(
    "%s lists the names when it gets none of them",
    async (command, ...rest) => {
      const outcome = await runHere(command!, "compcat", ...rest);
      expect(outcome).toMatchObject({ status: 3, stdout: "" });
      expect(outcome.stderr).toMatch(
        /^error: Expected a network \(compact, .*, vgg19, .*, generated\) or a weights file but there is no 'compcat'\.\n$/,
      );
    },
  );

  it("tells where networks are, and how to get one that is not there", async () => {
    expect(await runHere("path")).toEqual({ status: 0, stdout: `${join(cache, "weights")}\n`, stderr: "" });
    const missing = await runHere("path", "vgg19");
    expect(missing).toMatchObject({ status: 3, stdout: "" });
    expect(missing.stderr).toMatch(/^error: .*'stylize weights pull vgg19' fetches it\.\n$/);
  });

  it("inspects and converts what PyTorch wrote", async () => {
    const written = fileURLToPath(new URL("../tests/fixtures/weights/torch-zip-module.pth", import.meta.url));
    const output = join(folder, "out.safetensors");
    expect((await runHere("inspect", written)).stdout).toContain("conv1_1 to conv5_4, 64 to 512 channels\n");
    const converted = await runHere("convert", written, output);
    expect(converted).toMatchObject({ status: 0, stderr: "" });
    const inspected = JSON.parse((await runHere("inspect", output, "--json")).stdout);
    expect(inspected).toMatchObject({
      format: "safetensors",
      naming: "features.N",
      reason: "its metadata says so",
    });
  });

  it("verifies no file that is not in the list, nor one that is none", async () => {
    const file = join(folder, "some.pth");
    await writeFile(file, "some");
    const other = await runHere("verify", file, "--json");
    expect(other.status).toBe(5);
    expect(JSON.parse(other.stdout)).toMatchObject({ event: "error", code: "bad-weights", status: 5 });
    expect(other.stderr).toMatch(
      /to be a network of 'stylize weights list' but its 4 bytes have the SHA-256 [\da-f]{64}\.\n$/,
    );
    expect((await runHere("verify", join(folder, "gone.pth"))).status).toBe(3);
  });

  it("takes no other file for a network", async () => {
    const file = join(folder, "wrong.pth");
    await writeFile(file, "wrong");
    const outcome = await runHere("pull", "vgg19", "--from", file);
    expect(outcome).toMatchObject({ status: 5, stdout: "" });
    expect(outcome.stderr).toBe(
      `error: Expected '${file}' to be vgg19-dcbb9e9d.pth but it has 5 bytes instead of 574673361.\n`,
    );
    expect(await runHere("pull", "vgg16")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /^error: Expected the name of a network to fetch \(vgg19, .*\) but received 'vgg16'\.\n$/,
      ),
    });
  });
});

describe("stylize weights pull", () => {
  const file = testFile(300_000);

  it("shows progress on a terminal, then where the network is and its licence", async () => {
    await using server = await TestServer.start(file);
    const entry = { ...entryOf(file, [server.url]), licence: "MIT" };
    const io = new TestIo(80);
    await pullCommand(entry, { ...args, cache }, io);
    const lines = io.stderr.text.split("\n");
    expect(lines[0]).toMatch(/\[#{5,}\] 0\.3 MB of 0\.3 MB, [\d.]+ MB\/s/);
    expect(lines[1]).toBe(`'net' is in '${join(cache, "weights", "net.pth")}'. Licence: MIT.`);
    expect(io.stdout.text).toBe("");
    await pullCommand(entry, { ...args, cache }, io);
    expect(io.stderr.lines.at(-1)).toContain("'net' is already in ");
    expect(server.requests).toHaveLength(1);
  });

  it("reports to machines, and nothing when quiet", async () => {
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    const quiet = new TestIo();
    await pullCommand(entry, { ...args, report: "quiet", cache: `${cache}-quiet` }, quiet);
    expect(quiet.stdout.text + quiet.stderr.text).toBe("");
    const json = new TestIo();
    await pullCommand(entry, { ...args, report: "json", cache }, json);
    const events = json.stdout.lines.map((line) => JSON.parse(line));
    expect(events.at(-2)).toMatchObject({ event: "progress", received: 300_000, total: 300_000 });
    expect(events.at(-1)).toMatchObject({ event: "done", name: "net", fetched: true, verified: true });
  });

  it("stops at Ctrl-C and goes on the next time", async () => {
    await using server = await TestServer.start(file, misbehave.stall(100_000));
    const entry = entryOf(file, [server.url]);
    const io = new TestIo(80);
    io.stderr.onWrite = (text) => {
      if (text.includes("0.1 MB of")) io.emit("SIGINT");
    };
    await expect(pullCommand(entry, { ...args, cache }, io)).rejects.toMatchObject({ code: "aborted" });
    expect(readdirSync(join(cache, "weights"))).toContain("net.pth.part");
    await using second = await TestServer.start(file);
    await pullCommand({ ...entry, mirrors: [second.url] }, { ...args, cache }, new TestIo());
    expect(second.ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });
});

describe("stylize weights pull --convolutions-only", { timeout: 60_000 }, () => {
  /** VGG19 with a classifier behind its convolutions, as a safetensors file. */
  function network(change: (content: ReturnType<typeof tensors>) => void = () => {}): Buffer {
    const content = tensors(features);
    change(content);
    content.set("head.fc.weight", { shape: [3_000_000], data: new Float32Array(3_000_000) });
    return Buffer.from(encodeSafetensors(content));
  }
  const only = { ...args, convolutionsOnly: true };

  it("fetches no more, and says what vouches for it", async () => {
    const file = network((content) => likeTorchvision(content, features));
    await using server = await TestServer.start(file);
    const io = new TestIo();
    await pullCommand(entryOf(file, [server.url]), { ...only, cache }, io);
    const end = file.length - 12_000_000;
    expect(server.ranges).toEqual(["bytes=0-1048575", `bytes=1048576-${end - 1}`]);
    expect(io.stderr.text).toMatch(
      /without a published hash to check them against; their SHA-256 is [\da-f]{64}\./,
    );
    const inspected = JSON.parse(
      (await runHere("inspect", join(cache, "weights", "net.convolutions.pth"), "--json")).stdout,
    );
    expect(inspected).toMatchObject({ missing: [], preprocessing: "torchvision" });
  });

  it("keeps nothing that has other numbers than torchvision's", async () => {
    const file = network();
    await using server = await TestServer.start(file);
    const entry = entryOf(file, [server.url]);
    await expect(pullCommand(entry, { ...only, cache }, new TestIo())).rejects.toMatchObject({
      code: "bad-weights",
      message:
        "Expected the convolutions of 'net' to have torchvision's statistics but those that came have others.",
    });
    const { preprocessing: _, ...unknown } = entry;
    await pullCommand(unknown, { ...only, cache }, new TestIo()); // nothing is known of such a network's numbers
  });
});
