/**
 * The Dockerfiles, as text, against the code that they pack and the templates that run them; images.rehearsal.ts builds
 * and runs them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { configTable, variableOf } from "../../gateway/config.ts";
import { shippedNetworks } from "../../weights/shipped.ts";
import { parseConfig } from "../../worker/config.ts";
import { type Instruction, instructionsOf, isIgnored, pairsOf, parseDockerfile } from "./dockerfile.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const files = {
  gateway: parseDockerfile(read(".aws/images/gateway.Dockerfile")),
  worker: parseDockerfile(read(".aws/images/worker.Dockerfile")),
};
type ImageName = keyof typeof files;
const images = Object.keys(files) as ImageName[];
const dockerignore = read(".dockerignore");

const image = (name: ImageName) => files[name].stages.at(-1)!;
const stage = (name: ImageName, which: string) => files[name].stages.find((each) => each.name === which)!;
const last = (name: ImageName, instruction: string) => instructionsOf(image(name), instruction).at(-1)?.text;
const list = (text: string | undefined): string[] => JSON.parse(text!.replace(/^CMD /, ""));
const sources = ({ text }: Instruction) => text.split(" ").slice(0, -1);
const environment = (name: ImageName) =>
  Object.assign({}, ...instructionsOf(image(name), "ENV").map(({ text }) => pairsOf(text)));
const runs = (name: ImageName, which: string) =>
  instructionsOf(stage(name, which), "RUN")
    .map(({ text }) => text)
    .join("\n");

// Tags such as !Ref are not resolved: what is looked at here is plain.
const template = (name: string) =>
  parseDocument(read(`.aws/templates/${name}.yaml`), { logLevel: "silent" }).toJS().Resources;
const task = template("service").TaskDefinition.Properties;
const container = task.ContainerDefinitions[0];
const job = template("compute").JobDefinition.Properties.ContainerProperties;

describe.each(images)("%s.Dockerfile", (name) => {
  it("names its base once, by a tag that stays with one Node and one Debian, and can be given a digest", () => {
    expect(files[name].arguments.map(({ text }) => text)).toEqual(["NODE_IMAGE=node:24-trixie-slim"]);
    expect(files[name].stages.map(({ base }) => base)).toEqual(
      files[name].stages.map(() => `\${NODE_IMAGE}`),
    );
  });

  it("copies what there is", () => {
    for (const { name: stageName, instructions } of files[name].stages) {
      const builders = files[name].stages.filter((each) => each.name !== stageName).map((each) => each.name);
      for (const copy of instructions.filter((each) => each.name === "COPY")) {
        if (copy.flags.from !== undefined) expect(builders).toContain(copy.flags.from);
        else
          for (const path of sources(copy)) {
            expect(existsSync(join(root, path)), path).toBe(true);
            if (path !== ".") expect(isIgnored(dockerignore, path), path).toBe(false);
          }
      }
    }
  });

  it("takes from its build no more than that makes", () => {
    const built = instructionsOf(image(name), "COPY").filter(({ flags }) => flags.from === "build");
    const made = { "/app/service/dist": "service/tsconfig.json", "/app/networks": "weights/manifest.ts" };
    for (const path of built.flatMap(sources)) {
      const origin = (made as Record<string, string>)[path] ?? path.replace("/app/", "");
      expect(existsSync(join(root, origin)), path).toBe(true);
      expect(isIgnored(dockerignore, origin), path).toBe(false);
    }
  });

  it("installs with the lock file, for linux-x64 and without scripts, what production needs", () => {
    expect(runs(name, "packages")).toMatch(
      /^npm ci --omit=dev --workspace stylize-service --ignore-scripts --os=linux --cpu=x64 --libc=glibc /,
    );
    expect(JSON.parse(read("service/package.json")).name).toBe("stylize-service");
    for (const which of ["packages", "build"]) {
      const copies = instructionsOf(stage(name, which), "COPY").map(({ text }) => text);
      expect(copies.slice(0, 2)).toEqual([
        "package.json package-lock.json ./",
        "service/package.json service/",
      ]);
    }
    expect(instructionsOf(stage(name, "build"), "RUN")[0]!.text).toBe("npm ci --ignore-scripts");
  });

  it("starts a program that the build makes, as no more than a user", () => {
    expect(last(name, "USER")).toBe("1000:1000");
    const [program, ...args] = list(last(name, "ENTRYPOINT"));
    expect(program).toBe("node");
    expect(args).toEqual(["--enable-source-maps", `/app/dist/${name}/main.js`]);
    const config = JSON.parse(read("service/tsconfig.json"));
    expect(config.files).toContain(`../${name}/main.ts`);
    expect(config.compilerOptions).toMatchObject({ outDir: "dist", rootDir: "..", sourceMap: true });
    expect(runs(name, "build")).toMatch(/^npm ci --ignore-scripts\nnpx tsc -p service /);
    expect(existsSync(join(root, name, "main.ts"))).toBe(true);
    expect(instructionsOf(image(name), "CMD")).toEqual([]);
  });

  it("keeps all packages that its program imports", () => {
    const needed = packagesOf(`${name}/main.ts`);
    const removed = /rm -rf ((?:node_modules\/\S+ ?)+)/.exec(runs(name, "packages"))![1]!.trim().split(" ");
    for (const folder of removed) expect(needed.map((each) => `node_modules/${each}`)).not.toContain(folder);
    expect(needed.includes("webgpu")).toBe(name === "worker");
    expect(removed).toContain("node_modules/stylize-service"); // npm's link to where this is no more
    const { dependencies } = JSON.parse(read("service/package.json"));
    for (const each of needed) expect(Object.keys(dependencies)).toContain(each);
  });

  it("has no secrets, and is labelled", () => {
    const all = files[name].stages.flatMap((each) => each.instructions);
    const names = all
      .filter((each) => each.name === "ENV" || each.name === "ARG")
      .flatMap(({ text }) => Object.keys(pairsOf(text)));
    expect(names.length).toBeGreaterThan(3);
    for (const each of names) expect(each).not.toMatch(/secret|password|token|key|credential|AWS_/i);
    const labels = Object.assign(
      {},
      ...instructionsOf(image(name), "LABEL").map(({ text }) => pairsOf(text)),
    );
    expect(labels).toMatchObject({
      "org.opencontainers.image.title": `stylize ${name}`,
      "org.opencontainers.image.licenses": JSON.parse(read("package.json")).license,
      "org.opencontainers.image.revision": `\${REVISION}`,
      "org.opencontainers.image.base.name": `\${NODE_IMAGE}`,
    });
  });
});

describe("the gateway's image", () => {
  it("is what the task definition expects", () => {
    expect(container.User).toBe(last("gateway", "USER"));
    expect(container.PortMappings).toEqual([
      { ContainerPort: Number(last("gateway", "EXPOSE")), Protocol: "tcp" },
    ]);
    const writable = container.MountPoints.map((mount: { ContainerPath: string }) => mount.ContainerPath);
    expect(container.ReadonlyRootFilesystem).toBe(true);
    expect(writable).toEqual(list(last("gateway", "VOLUME")));
    const check = instructionsOf(image("gateway"), "HEALTHCHECK")[0]!;
    expect(container.HealthCheck.Command).toEqual(["CMD", ...list(check.text)]);
    const { Interval, Timeout, StartPeriod, Retries } = container.HealthCheck;
    const flags = { interval: `${Interval}s`, timeout: `${Timeout}s`, "start-period": `${StartPeriod}s` };
    expect(check.flags).toEqual({ ...flags, retries: String(Retries) });
    expect(task.RuntimePlatform).toEqual({ OperatingSystemFamily: "LINUX", CpuArchitecture: "X86_64" });
  });

  it("sets variables that the gateway reads", () => {
    const known = (Object.keys(configTable) as (keyof typeof configTable)[]).map(variableOf);
    const { NODE_ENV, ...own } = environment("gateway");
    expect(NODE_ENV).toBe("production");
    expect(own).toEqual({ STYLIZE_HOST: "0.0.0.0", STYLIZE_PORT: last("gateway", "EXPOSE") });
    for (const variable of Object.keys(own)) expect(known).toContain(variable);
  });
});

describe("the worker's image", () => {
  it("is what the job definition expects", () => {
    expect(job.User).toBe(last("worker", "USER"));
    expect(job.ReadonlyRootFilesystem).toBe(true);
    expect(job.LinuxParameters.Tmpfs[0].ContainerPath).toBe("/tmp");
    const { NVIDIA_DRIVER_CAPABILITIES: capabilities } = environment("worker");
    expect(job.Environment).toContainEqual({ Name: "NVIDIA_DRIVER_CAPABILITIES", Value: capabilities });
    expect(last("worker", "HEALTHCHECK")).toBe("NONE");
  });

  it("has the networks that ship where its program looks for them", () => {
    const { imports } = JSON.parse(read("service/package.json"));
    const folder = imports["#networks/*"].replace(/^\.\/(.*)\/\*$/, "$1");
    expect(runs("worker", "build")).toContain(
      `mkdir service/${folder} && cp weights/compact/*.safetensors service/${folder}/ `,
    );
    expect(last("worker", "COPY")).toBe("/app/service/dist dist/");
    for (const { file } of shippedNetworks) {
      expect(existsSync(join(root, "weights/compact", file)), file).toBe(true);
      expect(isIgnored(dockerignore, `weights/compact/${file}`), file).toBe(false);
    }
  });

  it("uses the network that was baked in, and the one that ships where none was", () => {
    const { NODE_ENV, NVIDIA_DRIVER_CAPABILITIES, ...own } = environment("worker");
    expect(NODE_ENV).toBe("production");
    expect(own).toEqual({ STYLIZE_WEIGHTS: `\${WEIGHTS:+/app/networks/\${WEIGHTS}.safetensors}` });
    expect(runs("worker", "build")).toContain('weights convert "$WEIGHTS" "networks/$WEIGHTS.safetensors"');
    const STYLIZE_WEIGHTS = "/app/networks/vgg19.safetensors";
    const places = { STYLIZE_OBJECTS: "s3://pictures", STYLIZE_QUEUE: "https://sqs.test/1/news" };
    expect(parseConfig({ ...places, STYLIZE_WEIGHTS }).weights).toBe(STYLIZE_WEIGHTS);
    expect(parseConfig({ ...places, STYLIZE_WEIGHTS: "" }).weights).toBeUndefined();
  });

  it("has the Vulkan loader and what the driver needs, and no driver", () => {
    const packages = /apt-get install -y --no-install-recommends ([^&]*) &&/.exec(
      instructionsOf(image("worker"), "RUN")[0]!.text,
    )![1]!;
    expect(packages.split(" ")).toEqual(["libglvnd0", "libvulkan1", "libx11-6", "libxext6"]);
    const { ICD } = JSON.parse(read(".aws/images/nvidia_egl.json"));
    expect(ICD.library_path).toBe("libEGL_nvidia.so.0");
  });
});

describe(".dockerignore", () => {
  it("lets in what the build compiles, and nothing that it doesn't", () => {
    const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
    });
    const let_in = tracked.split("\n").filter((path) => path !== "" && !isIgnored(dockerignore, path));
    const programs: string[] = JSON.parse(read("service/tsconfig.json")).files;
    const compiled = filesOf([...programs.map((path) => path.replace("../", "")), "cli/main.ts"]);
    expect(compiled.filter((path) => isIgnored(dockerignore, path))).toEqual([]);
    const folders = new Set(let_in.map((path) => path.split("/")[0]!).filter((path) => !path.includes(".")));
    folders.delete("LICENSE");
    // Vite builds the pages, and nothing imports them.
    const needed = new Set([...compiled.map((path) => path.split("/")[0]!), "pages", "service", "shaders"]);
    expect([...folders].sort()).toEqual([...needed].sort());
    expect(
      let_in.filter((path) =>
        /\.test\.|testing|\.py$|\.csv$|^docs|^tests|^bench|^examples|^\.git/.test(path),
      ),
    ).toEqual([]);
  });

  it("keeps out what is secret, large or this machine's own", () => {
    const out = [
      ".git/config",
      ".env",
      "gateway/.env.local",
      "node_modules/zod/index.js",
      "dist/cli/main.js",
    ];
    const more = ["stylize-data/secret", "worker/key.pem", ".aws/parameters/production.env", "README.md"];
    for (const path of [...out, ...more]) expect(isIgnored(dockerignore, path), path).toBe(true);
  });
});

/** Names of the packages that a program and all files of ours that it imports import, types aside. */
function packagesOf(entry: string): string[] {
  const { packages } = follow(
    [entry],
    /^(?:import|export)\s(?!type\b)[^;]*?from "([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...packages].sort();
}

/** What a compiler reads of ours for these programs. */
function filesOf(entries: readonly string[]): string[] {
  const { files } = follow(entries, /^(?:import|export)\s[^;]*?from "([^"]+)"|\bimport\("([^"]+)"\)/gm);
  return [...files].sort();
}

function follow(entries: readonly string[], imports: RegExp) {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const add = (path: string) => {
    if (files.has(path)) return;
    files.add(path);
    for (const [, named, dynamic] of read(path).matchAll(imports)) {
      const target = named ?? dynamic!;
      const name = target.split("/").slice(0, target.startsWith("@") ? 2 : 1);
      if (target.startsWith(".")) add(join(dirname(path), target));
      else if (!target.startsWith("node:") && !builtinModules.includes(target)) packages.add(name.join("/"));
    }
  };
  for (const entry of entries) add(entry);
  return { files, packages };
}
