/** What a user sees who gives the command wrong things. None of it needs an adapter. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve as resolvePath, sep } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestIo } from "../tests/io.ts";
import { nodeArguments } from "../tests/programs.ts";
import { compactSmall } from "../weights/shipped.ts";
import { run } from "./run.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-cli-"));
  const picture = sharp({ create: { width: 64, height: 48, channels: 3, background: "teal" } });
  await picture.clone().jpeg().toFile(join(folder, "good.jpg"));
  await picture.clone().resize(1, 1).png().toFile(join(folder, "dot.png"));
  await picture.clone().resize(640, 40).png().toFile(join(folder, "strip.png"));
  const frames = [await picture.clone().png().toBuffer(), await picture.clone().negate().png().toBuffer()];
  await sharp(frames, { join: { animated: true } })
    .webp()
    .toFile(join(folder, "moving.webp"));
  const good = await readFile(join(folder, "good.jpg"));
  await writeFile(join(folder, "cut.jpg"), good.subarray(0, 30));
  await writeFile(join(folder, "empty.jpg"), "");
  await writeFile(join(folder, "text.jpg"), "no picture\n");
  await writeFile(join(folder, "drawing.svg"), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(folder, "page.safetensors"), "<html>404</html>");
  await mkdir(join(folder, "folder.png"));
  await symlink("good.jpg", join(folder, "link.jpg"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the command here and now. File names are those in the test's folder, in its arguments and in what it says. */
async function runHere(argv: readonly string[]): Promise<Outcome> {
  const io = new TestIo();
  io.env.STYLIZE_CACHE = join(folder, "cache");
  const flag = /^-|^\w*$/;
  const paths = argv.map((word) => (flag.test(word) ? word : resolvePath(folder, word)));
  const status = await run(paths, io);
  const short = (text: string) => text.replaceAll(folder + sep, "");
  return { status, stdout: short(io.stdout.text), stderr: short(io.stderr.text) };
}

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command in a process of its own, in the folder of the test pictures. */
function spawned(argv: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const node = [...nodeArguments("cli/main.ts"), ...argv];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      node,
      { cwd: folder, env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const kinds = "a JPEG, PNG, WebP, TIFF or AVIF picture";
const given = (content: string, output = "out.png", ...flags: string[]) => [
  content,
  "--style",
  "good.jpg",
  "-o",
  output,
  ...flags,
];

/** The network of a run that asks for none, which runs on a processor here. */
const shippedFile = fileURLToPath(import.meta.resolve(`#networks/${compactSmall.file}`));

/** [arguments, exit status, the one sentence] */
const cases: [string[], number, string][] = [
  [given("missing.jpg"), 3, `Expected ${kinds} but there is no file 'missing.jpg'.`],
  [given("empty.jpg"), 4, `Expected ${kinds} but 'empty.jpg' is an empty file.`],
  [given("text.jpg"), 4, `Expected ${kinds} but 'text.jpg' is a text file.`],
  [given("drawing.svg"), 4, `Expected ${kinds} but 'drawing.svg' is an SVG drawing.`],
  [given("cut.jpg"), 4, `Expected ${kinds} but 'cut.jpg' is a JPEG picture that is damaged or cut short.`],
  [
    given("moving.webp"),
    4,
    "Expected 'moving.webp' to be a single picture but it has 2 frames: it is animated or has pages.",
  ],
  [given("dot.png"), 4, "Expected 'dot.png' to have at least 32 pixels on its short side but it has 1x1."],
  [given("folder.png"), 4, `Expected ${kinds} but 'folder.png' is a folder.`],
  [
    given("strip.png", "out.png", "--size", "500"),
    2,
    "Expected a size of at least 512 pixels, which makes the short side of 'strip.png' (640x40) 32 " +
      "pixels, but received 500.",
  ],
  [
    given("good.jpg", "out.png", "--style", "empty.jpg"),
    4,
    `Expected ${kinds} but 'empty.jpg' is an empty file.`,
  ],
  [
    given("good.jpg", "out.png", "--init", "gone.png"),
    3,
    `Expected ${kinds} but there is no file 'gone.png'.`,
  ],
  [
    given("good.jpg", "out.gif"),
    2,
    "Expected an output that ends in .jpg, .jpeg, .png, .webp, .tif, .tiff, .avif but received 'out.gif'.",
  ],
  [given("good.jpg", "folder.png"), 6, "Expected to write 'folder.png' but it is a folder."],
  [given("good.jpg", "no/out.png"), 6, "Expected to write 'no/out.png' but its folder does not exist."],
  [
    given("good.jpg", "link.jpg"),
    2,
    "Expected --output to be a file that this run uses for nothing else but received 'link.jpg'.",
  ],
  [
    given("good.jpg", "out.png", "--trace", "out.png"),
    2,
    "Expected --trace to be a file that this run uses for nothing else but received 'out.png'.",
  ],
  [
    given("good.jpg", "out.png", "--trace", shippedFile, "--dry-run"),
    2,
    `Expected --trace to be a file that this run uses for nothing else but received '${shippedFile}'.`,
  ],
  [
    given("good.jpg", "out.png", "--trace", "no/trace.jsonl"),
    6,
    "Expected to write 'no/trace.jsonl' but its folder does not exist.",
  ],
  [
    given("good.jpg", "out.png", "--weights", "gone.safetensors"),
    3,
    "Expected a weights file but there is no file 'gone.safetensors'.",
  ],
  [
    given("good.jpg", "out.png", "--weights", "page.safetensors"),
    5,
    "Expected a weights file (safetensors or PyTorch) but 'page.safetensors' is an HTML or XML " +
      "page: the download failed, get the file again.",
  ],
  [
    given("good.jpg", "out.png", "--weights", "vgg19"),
    3,
    "Expected the network 'vgg19' in 'cache/weights' but it is not there: 'stylize weights pull vgg19' fetches it.",
  ],
  [
    [...given("good.jpg"), "--weights", "compcat"],
    3,
    "Expected a network (compact, compact-small, vgg19, vgg19-caffe, vgg19-timm, vgg19-normalised, " +
      "generated) or a weights file but there is no 'compcat'.",
  ],
  [
    given("good.jpg", "out.png", "--weights", "compact", "--preprocessing", "torchvision"),
    2,
    "Expected no preprocessing for 'compact', which has its own.",
  ],
  [
    given("good.jpg", "out.png", "--preprocessing", "caffe"),
    2,
    "Expected --weights with --preprocessing, but received none.",
  ],
  [
    given("good.jpg", "out.png", "--weights", "generated", "--preprocessing", "caffe"),
    2,
    "Expected no preprocessing for the generated network, which has its own.",
  ],
  [
    given("good.jpg", "out.png", "--steps", "0"),
    2,
    "Expected --steps to be an integer from 1 to 100000 but received '0'.",
  ],
  [given("good.jpg", "out.png", "--stpes", "3"), 2, "unknown option '--stpes'"],
  [[], 2, "Expected a content picture before all flags, but received none."],
];

describe("stylize", { timeout: 30_000 }, () => {
  it.each(cases)("%j ends with status %i", async (argv, status, sentence) => {
    const outcome = await runHere(argv);
    expect(outcome.stderr.split("\n")[0]).toBe(`error: ${sentence}`);
    expect(outcome).toMatchObject({ status, stdout: "" });
    expect(await runHere([...argv, "--dry-run"])).toEqual(outcome);
  });

  it("ends its process with that status and shows no stack", async () => {
    expect(await spawned(given("dot.png"))).toEqual({
      status: 4,
      stdout: "",
      stderr: "error: Expected 'dot.png' to have at least 32 pixels on its short side but it has 1x1.\n",
    });
  });

  it("reports an error to machines, too", async () => {
    const { stdout, stderr } = await spawned(given("empty.jpg", "out.png", "--json"));
    const message = `Expected ${kinds} but 'empty.jpg' is an empty file.`;
    expect(JSON.parse(stdout)).toEqual({ event: "error", code: "bad-picture", message, status: 4 });
    expect(stderr).toBe(`error: ${message}\n`);
  });

  it("shows a stack when asked to debug", async () => {
    const { stderr } = await spawned(given("empty.jpg"), { STYLIZE_DEBUG: "1" });
    expect(stderr).toMatch(/\n\s+at .*decode/);
  });

  it("gives help and version on standard output", async () => {
    const help = await spawned(["--help"]);
    expect(help).toMatchObject({ status: 0, stderr: "" });
    expect(help.stdout).toMatch(/^Usage: stylize CONTENT --style STYLE\.\.\. -o OUT \[options\]/);
    expect(await spawned(["--version"])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });

  // elsewhere than with Vulkan drivers an adapter can't be hidden by a variable
  it.runIf(process.platform === "linux")("says so when there is no adapter", async () => {
    const hidden = { VK_DRIVER_FILES: "/nonexistent.json", VK_ICD_FILENAMES: "/nonexistent.json" };
    const message = /^error: Expected a WebGPU adapter but found none: install a GPU driver .*\.$/m;
    for (const argv of [given("good.jpg"), ["devices"]]) {
      const outcome = await spawned(argv, hidden);
      expect(outcome).toMatchObject({ status: 7, stdout: "" });
      expect(outcome.stderr).toMatch(message);
    }
  });

  it("has written nothing in all of this", async () => {
    const names = await readdir(folder);
    expect(names.filter((name) => /out|trace|tmp/.test(name))).toEqual([]);
    expect(names).toHaveLength(11);
  });
});
