/** onnxruntime: `onnxruntime.mjs FOLDER REPS SECONDS node-cpu|node-webgpu|web-wasm|web-webgpu [ADAPTER]`. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { packageOf, readTask, report, require, squares, useDawn } from "./common.mjs";
import { GatysGraph } from "./gatys-graph.mjs";

const [where, adapter] = process.argv.slice(5);
const [kind, provider] = where.split("-");
const name = `onnxruntime-${kind}`;
const { version } = packageOf(name);
const engine = `${name} ${version} ${provider}`;
const ort = await load();

/** The WebGPU of onnxruntime-node brings its own Dawn; that of onnxruntime-web gets ours. */
async function load() {
  if (!where.startsWith("web-")) return require(name);
  if (where === "web-wasm") {
    const web = require(name);
    web.env.wasm.numThreads = availableParallelism();
    return web;
  }
  useDawn(adapter);
  copyUploads();
  const web = await import("onnxruntime-web/webgpu");
  // Node's fetch doesn't read files
  web.env.wasm.wasmBinary = readFileSync(require.resolve(`${name}/ort-wasm-simd-threaded.asyncify.wasm`));
  web.env.wasm.numThreads = 1;
  return web;
}

/** WebAssembly's memory is shared, of which Dawn's binding takes no views. */
function copyUploads() {
  const { prototype } = globalThis.GPUQueue;
  const { writeBuffer } = prototype;
  prototype.writeBuffer = function (buffer, offset, data, from = 0, size = undefined) {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const unit = data.BYTES_PER_ELEMENT ?? 1;
    const end = size === undefined ? undefined : (from + size) * unit;
    return writeBuffer.call(this, buffer, offset, bytes.slice(from * unit, end));
  };
}

const task = readTask();
const { size } = task;
const graph = new GatysGraph(task);
const session = await ort.InferenceSession.create(graph.encode(), {
  executionProviders: [provider],
  intraOpNumThreads: availableParallelism(),
  interOpNumThreads: 1,
  graphOptimizationLevel: "all",
});
const tensor = (values, shape) => new ort.Tensor("float32", values, shape);
const picture = (values) => tensor(values, [1, 3, size, size]);

const noTargets = {};
for (const [name, { shape }] of graph.statistics) {
  noTargets[`target ${name}`] = tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape);
  noTargets[`scale ${name}`] = tensor(Float32Array.of(0), []);
}
const feeds = { x: picture(task.start) };
for (const kind of ["content", "style"]) {
  const found = await session.run({ ...noTargets, x: picture(task[kind]) });
  for (const [name, statistic] of graph.statistics) {
    if (statistic.kind !== kind) continue;
    const target = found[statistic.output];
    const weight = task[`${kind}Layers`][statistic.relu];
    feeds[`target ${name}`] = target;
    feeds[`scale ${name}`] = tensor(Float32Array.of(weight / squares(target.data)), []);
  }
}

await report(`${engine}`, async () => {
  const { loss, gradient } = await session.run(feeds, ["loss", "gradient"]);
  return { loss: loss.data[0], gradient: gradient.data };
});
