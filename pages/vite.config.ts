/**
 * How the pages become files: `npm run build:pages` writes them to service/dist/pages, from where pages-route.ts
 * serves them.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  root,
  base: "/",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: fileURLToPath(new URL("../service/dist/pages", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    // The gateway's Content-Security-Policy allows neither inline scripts nor code in data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: "licenses.md" },
  },
  worker: { format: "es" },
  plugins: [compressed()],
});

/** Puts FILE.br and FILE.gz beside each text file that gets smaller by it. */
function compressed(): Plugin {
  const texts = [".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".wgsl", ".wasm", ".md"];
  const encodings = { br: promisify(brotliCompress), gz: promisify(gzip) };
  const compress = async (path: string) => {
    const text = await readFile(path);
    for (const [extension, encode] of Object.entries(encodings)) {
      const smaller = await encode(text);
      if (smaller.length < text.length) await writeFile(`${path}.${extension}`, smaller);
    }
  };
  return {
    name: "compressed",
    async writeBundle({ dir }) {
      const entries = await readdir(dir!, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile() && texts.includes(extname(entry.name)));
      await Promise.all(files.map((entry) => compress(join(entry.parentPath, entry.name))));
    },
  };
}
