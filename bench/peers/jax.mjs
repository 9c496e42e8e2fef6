/** jax-js, on WebAssembly or WebGPU: `jax.mjs FOLDER REPS SECONDS wasm|webgpu [ADAPTER]`. */
import { packageOf, readTask, report, useDawn } from "./common.mjs";

const [device, adapter] = process.argv.slice(5);
if (device === "webgpu") useDawn(adapter);
const { numpy: np, lax, nn, jit, valueAndGrad, init, defaultDevice } = await import("@jax-js/jax");
if (!(await init(device)).includes(device)) throw new Error(`Expected ${device} to start but it did not.`);
defaultDevice(device);

// jax-js counts references: an array is used up by what it is given to, unless that gets its `.ref`.
const task = readTask();
const { size, contentLayers, styleLayers, tvWeight } = task;
const array = (values, shape) => np.array(Float32Array.from(values)).reshape(shape);
const perChannel = (values) => array(values, [1, 3, 1, 1]);
const picture = (name) => array(task[name], [1, 3, size, size]);
const weights = {
  mean: perChannel(task.mean),
  std: perChannel(task.std),
};
for (const { relu, weight, bias, inChannels, outChannels } of task.layers) {
  weights[`${relu} weight`] = array(weight, [outChannels, inChannels, 3, 3]);
  weights[`${relu} bias`] = array(bias, [1, outChannels, 1, 1]);
}

/** The same arrays once more, each a reference of its own. */
const refs = (arrays) => Object.fromEntries(Object.entries(arrays).map(([name, value]) => [name, value.ref]));

/** Uses up `x` and `w`; the maps that losses look at. */
function features(x, w) {
  const found = {};
  let y = x.sub(w.mean).div(w.std);
  for (const { relu, pooled } of task.layers) {
    if (pooled) {
      const [n, channels, height, width] = y.shape;
      y = np.mean(y.reshape([n, channels, height / 2, 2, width / 2, 2]), [3, 5]);
    }
    const padding = [
      [1, 1],
      [1, 1],
    ];
    y = nn.relu(lax.conv(y, w[`${relu} weight`], [1, 1], padding).add(w[`${relu} bias`]));
    if (relu in contentLayers) found[`content ${relu}`] = y.ref;
    if (relu in styleLayers) found[`style ${relu}`] = gram(y.ref);
  }
  y.dispose();
  return found;
}

function gram(f) {
  const [, channels, height, width] = f.shape;
  const m = f.reshape([channels, height * width]);
  return np.matmul(m.ref, np.transpose(m)).mul(1 / (height * width));
}

/** Statistics of `kind` of a picture, and for each what its loss is divided by. */
function targetsOf(kind) {
  const found = jit(features)(picture(kind), refs(weights));
  const targets = {};
  for (const [name, value] of Object.entries(found)) {
    if (!name.startsWith(kind)) {
      value.dispose();
      continue;
    }
    targets[`norm ${name}`] = np.sum(np.square(value.ref));
    targets[name] = value;
  }
  return targets;
}

function totalVariation(x) {
  const row = (from, to) => x.ref.slice([], [], [from, to]);
  const column = (from, to) => x.ref.slice([], [], [], [from, to]);
  const down = row(1, size).sub(row(0, size - 1));
  const across = column(1, size).sub(column(0, size - 1));
  x.dispose();
  return np
    .mean(np.square(down))
    .add(np.mean(np.square(across)))
    .mul(tvWeight);
}

function loss(x, w, t) {
  let total = totalVariation(x.ref);
  for (const [name, value] of Object.entries(features(x, w))) {
    const [kind, relu] = name.split(" ");
    const weight = task[`${kind}Layers`][relu];
    total = total.add(
      np
        .sum(np.square(value.sub(t[name])))
        .div(t[`norm ${name}`])
        .mul(weight),
    );
  }
  return total;
}

const targets = { ...targetsOf("content"), ...targetsOf("style") };
const lossAndGradient = jit(valueAndGrad(loss));
const start = picture("start");

await report(`jax-js ${packageOf("@jax-js/jax").version} ${device}`, async () => {
  const [value, gradient] = lossAndGradient(start.ref, refs(weights), refs(targets));
  return { loss: (await value.data())[0], gradient: await gradient.data() };
});
