/**
 * TensorFlow.js on WebGPU, through the same Dawn and adapter as the engine: `tfjs.mjs FOLDER REPS SECONDS [ADAPTER]`.
 */
import { readTask, report, require, useDawn } from "./common.mjs";

useDawn(process.argv[5]);

const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-webgpu");
if (!(await tf.setBackend("webgpu"))) throw new Error("Expected the WebGPU backend to start but it did not.");

/** tfjs computes in [height][width][channels] order. */
function picture(values, size) {
  return tf.tidy(() => tf.tensor3d(values, [3, size, size]).transpose([1, 2, 0]).expandDims(0));
}

const task = readTask();
const { size, contentLayers, styleLayers, tvWeight } = task;
const mean = tf.tensor1d(task.mean);
const std = tf.tensor1d(task.std);
const layers = task.layers.map(({ weight, bias, inChannels, outChannels, ...layer }) => ({
  ...layer,
  weight: tf.tidy(() => tf.tensor4d(weight, [outChannels, inChannels, 3, 3]).transpose([2, 3, 1, 0])),
  bias: tf.tensor1d(bias),
}));

function features(x) {
  const found = {};
  let y = x.sub(mean).div(std);
  for (const { relu, pooled, weight, bias } of layers) {
    if (pooled) y = tf.avgPool(y, 2, 2, "valid");
    y = tf.relu(tf.conv2d(y, weight, 1, "same").add(bias));
    found[relu] = y;
  }
  return found;
}

function gram(f) {
  const [, height, width, channels] = f.shape;
  const m = f.reshape([height * width, channels]);
  return tf.matMul(m, m, true, false).div(height * width);
}

const statistic = { content: (f) => f, style: gram };

function targetsOf(kind, names) {
  return tf.tidy(() => {
    const found = features(picture(task[kind], size));
    return Object.fromEntries(names.map((name) => [name, statistic[kind](found[name])]));
  });
}

const targets = {
  content: targetsOf("content", Object.keys(contentLayers)),
  style: targetsOf("style", Object.keys(styleLayers)),
};
const norms = Object.fromEntries(
  Object.entries(targets).map(([kind, tensors]) => [
    kind,
    Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, tf.tidy(() => t.square().sum())])),
  ]),
);

function totalVariation(x) {
  const down = x
    .slice([0, 1, 0, 0], [1, size - 1, size, 3])
    .sub(x.slice([0, 0, 0, 0], [1, size - 1, size, 3]));
  const across = x
    .slice([0, 0, 1, 0], [1, size, size - 1, 3])
    .sub(x.slice([0, 0, 0, 0], [1, size, size - 1, 3]));
  return down.square().mean().add(across.square().mean()).mul(tvWeight);
}

function loss(x) {
  const found = features(x);
  let total = totalVariation(x);
  for (const [kind, weights] of Object.entries({ content: contentLayers, style: styleLayers })) {
    for (const [name, weight] of Object.entries(weights)) {
      const difference = statistic[kind](found[name]).sub(targets[kind][name]);
      total = total.add(difference.square().sum().div(norms[kind][name]).mul(weight));
    }
  }
  return total;
}

const start = picture(task.start, size);
const lossAndGradient = tf.valueAndGrad(loss);

await report(`tfjs ${tf.version_core} webgpu`, async () => {
  const { value, grad } = lossAndGradient(start);
  const [[total], gradient] = await Promise.all([value.data(), grad.data()]);
  tf.dispose([value, grad]);
  return { loss: total, gradient };
});
