import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Picture } from "../engine/picture.ts";
import { decodePicture } from "./decode.ts";
import { encodePicture, formatOf, savePicture } from "./encode.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stylize-encode-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Smooth, in colour, and a different value of 65536 at most pixels. */
function gradient(width: number, height: number): Picture {
  const data = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < width * height; i++) {
      data[c * width * height + i] = ((i / (width * height)) * (3 - c)) / 3;
    }
  }
  return { width, height, data };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

const picture = gradient(60, 44);

describe("savePicture", () => {
  it.each([
    ["out.jpg", "jpeg", 0.02],
    ["out.JPEG", "jpeg", 0.02],
    ["out.png", "png", 0.5001 / 255],
    ["out.webp", "webp", 0.03],
    ["out.tif", "tiff", 0.5001 / 255],
    ["out.tiff", "tiff", 0.5001 / 255],
    ["out.avif", "avif", 0.03],
  ])("writes %s as %s", async (name, format, tolerance) => {
    const path = join(folder, name);
    await savePicture(path, picture);
    const decoded = await decodePicture(path);
    expect(decoded).toMatchObject({ format, bitDepth: 8 });
    expect(decoded.picture.opacity).toBeUndefined();
    expect(largestDifference(decoded.picture.data, picture.data)).toBeLessThan(tolerance);
    expect(await readdir(folder)).toEqual([name]);
  });

  it.each(["out.png", "out.tiff"])("keeps 16 bits in %s", async (name) => {
    const path = join(folder, name);
    await savePicture(path, picture, { bitDepth: 16 });
    const decoded = await decodePicture(path);
    expect(decoded.bitDepth).toBe(16);
    expect(largestDifference(decoded.picture.data, picture.data)).toBeLessThan(0.5001 / 65535);
  });

  it.each(["out.png", "out.webp", "out.tiff", "out.avif"])(
    "puts transparency back at the picture's size in %s",
    async (name) => {
      const opacity = Float32Array.from({ length: 120 * 88 }, (_, i) => (i % 120 < 60 ? 1 : 0));
      const path = join(folder, name);
      await savePicture(path, picture, { transparency: { width: 120, height: 88, opacity } });
      const decoded = await decodePicture(path);
      const row = decoded.picture.opacity!.subarray(22 * 60, 23 * 60);
      expect(row.subarray(0, 27).every((a) => a > 0.95)).toBe(true);
      expect(row.subarray(33).every((a) => a < 0.05)).toBe(true);
    },
  );

  it("leaves transparency out of a JPEG", async () => {
    const transparency = { width: 60, height: 44, opacity: new Float32Array(60 * 44) };
    const bytes = await encodePicture(picture, "jpeg", { transparency });
    expect((await sharp(bytes).metadata()).hasAlpha).toBe(false);
  });

  it("clips what lies outside [0,1]", async () => {
    const data = new Float32Array(3 * 32 * 32).fill(-0.5).fill(1.7, 32 * 32);
    const { picture: read } = await decodePicture(
      await encodePicture({ width: 32, height: 32, data }, "png"),
    );
    expect([read.data[0], read.data.at(-1)]).toEqual([0, 1]);
  });

  it.each(["jpeg", "png", "webp", "tiff", "avif"] as const)(
    "puts the description into the metadata of a %s",
    async (format) => {
      const description = JSON.stringify({ style: "Söhne & <Töchter>.jpg", steps: 60 });
      const { exif, xmp } = await sharp(await encodePicture(picture, format, { description })).metadata();
      const text = format === "tiff" ? xmp!.toString("utf8") : exif!.toString("latin1");
      expect(text).toContain('"steps":60}');
      expect(text).toContain(
        format === "tiff" ? "Söhne &amp; &lt;Töchter&gt;" : "S\\u00f6hne & <T\\u00f6chter>.jpg",
      );
    },
  );

  it("replaces a file, and what a link points to", async () => {
    const path = join(folder, "out.png");
    const link = join(folder, "link.png");
    await writeFile(path, "old");
    await symlink(path, link);
    await savePicture(link, picture);
    expect((await decodePicture(path)).picture).toMatchObject({ width: 60 });
    expect(await readlink(link)).toBe(path);
    expect((await readdir(folder)).sort()).toEqual(["link.png", "out.png"]);
  });
});

describe("savePicture refuses", () => {
  it("a folder that is missing", async () => {
    const path = join(folder, "missing", "out.png");
    await expect(savePicture(path, picture)).rejects.toMatchObject({
      code: "write-failed",
      message: `Expected to write '${path}' but its folder does not exist.`,
    });
  });

  it("a folder in place of a file", async () => {
    const path = join(folder, "out.png");
    await mkdir(path);
    await expect(savePicture(path, picture)).rejects.toMatchObject({
      code: "write-failed",
      message: `Expected to write '${path}' but it is a folder.`,
    });
    expect(await readdir(folder)).toEqual(["out.png"]);
  });

  it("what is no regular file", async () => {
    const path = join(folder, "null.png");
    await symlink("/dev/null", path);
    await expect(savePicture(path, picture)).rejects.toMatchObject({
      code: "write-failed",
      message: `Expected to write '${path}' but it is not a regular file.`,
    });
  });

  it("a name that is too long", async () => {
    const path = join(folder, `${"n".repeat(252)}.png`);
    await expect(savePicture(path, picture)).rejects.toMatchObject({
      code: "write-failed",
      message: `Expected to write '${path}' but its name is too long.`,
    });
  });

  // Windows has no such limit
  it.skipIf(process.platform === "win32")(
    "what does not fit midway, and leaves the file that was there and no other",
    async () => {
      const path = join(folder, "out.png");
      await writeFile(path, "old");
      const script = `
        import { writeFileSafely } from ${JSON.stringify(import.meta.resolve("./write-file.ts"))};
        const error = await writeFileSafely(process.argv[1], Buffer.alloc(1e6, 7)).catch((e) => e);
        console.log(JSON.stringify({ code: error.code, message: error.message }));`;
      const node = [process.execPath, "--import", "tsx", "--input-type=module", "-e", script, path];
      const { stdout } = await promisify(execFile)("sh", ["-c", 'ulimit -f 8; exec "$@"', "sh", ...node], {
        env: { ...process.env, TSX_DISABLE_CACHE: "1" },
      });
      expect(JSON.parse(stdout)).toEqual({
        code: "write-failed",
        message: `Expected to write '${path}' but it would be larger than the system allows a file to be.`,
      });
      expect(await readFile(path, "utf8")).toBe("old");
      expect(await readdir(folder)).toEqual(["out.png"]);
    },
    30_000,
  );

  it("a picture larger than the format, and leaves the file that was there", async () => {
    const path = join(folder, "out.webp");
    await writeFile(path, "old");
    const wide = { width: 16384, height: 32, data: new Float32Array(3 * 16384 * 32) };
    await expect(savePicture(path, wide)).rejects.toMatchObject({
      code: "write-failed",
      message: expect.stringMatching(/^Expected to write a 16384x32 webp picture but: .+\.$/),
    });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["out.webp"]);
  });

  // root may write anywhere
  it.skipIf(process.getuid?.() === 0)("a folder without permission", async () => {
    await chmod(folder, 0o500);
    const path = join(folder, "out.png");
    await expect(savePicture(path, picture)).rejects.toMatchObject({
      code: "write-failed",
      message: `Expected to write '${path}' but there is no permission to write there.`,
    });
    await chmod(folder, 0o700);
  });
});

describe("formatOf", () => {
  it.each(["out", "out.gif", "out.png.bak", ".png"])("refuses '%s'", (path) => {
    expect(() => formatOf(path)).toThrow(
      expect.objectContaining({
        code: "bad-option",
        message: `Expected an output that ends in .jpg, .jpeg, .png, .webp, .tif, .tiff, .avif but received '${path}'.`,
      }),
    );
  });
});
