/** A real browser for tests: Chromium of this system, without a window, with WebGPU on its own software adapter. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { testPrograms } from "../../setup/debian-package.mjs";
import { onPath } from "../../stores/testing/redis.ts";

/** The program that $CHROMIUM names, or the first on the PATH; undefined where there is none. */
export function findChromium(): string | undefined {
  return process.env.CHROMIUM || onPath(testPrograms.chromium.programs);
}

/** The description of Chromium's own Vulkan driver, which Vulkan's loader takes in VK_DRIVER_FILES. */
export function swiftShader(): string | undefined {
  const chromium = findChromium();
  if (chromium === undefined) return undefined;
  const folders = [
    dirname(realpathSync(chromium)),
    "/usr/lib/chromium",
    "/usr/lib/chromium-browser",
    "/opt/google/chrome",
  ];
  return folders.map((folder) => join(folder, "vk_swiftshader_icd.json")).find(existsSync);
}

/** What is missing here for tests in a browser, and how to install it; undefined where it is there. */
export const chromiumMissing =
  findChromium() === undefined
    ? `Chromium is not on the PATH: install it with ${testPrograms.chromium.advice.debian}, or name it in CHROMIUM`
    : undefined;

/**
 * Starts Chromium; `more` are further arguments of it. Playwright adds what a container needs: no sandbox, and no
 * /dev/shm. Pages see WebGPU where their origin is secure: https, or http on 127.0.0.1. Whoever called it closes it,
 * best by `await using`.
 */
export async function launchChromium(more: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(chromiumMissing);
  const args = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", ...more];
  return chromium.launch({ executablePath, args });
}
