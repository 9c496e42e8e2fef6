/** Loss and gradient of the task as an ONNX graph: forward, and a backward pass derived by hand. */
import { OnnxGraph } from "./onnx-graph.mjs";

const convolution = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };

/** [out][in][3][3] -> [in][out][3][3], turned by 180 degrees: the weights of the gradient. */
function transposed(weight, outChannels, inChannels) {
  const result = new Float32Array(weight.length);
  for (let o = 0; o < outChannels; o++) {
    for (let i = 0; i < inChannels; i++) {
      for (let k = 0; k < 9; k++)
        result[(i * outChannels + o) * 9 + 8 - k] = weight[(o * inChannels + i) * 9 + k];
    }
  }
  return result;
}

/**
 * Inputs: `x` and for each loss its target and weight / |target|^2. Outputs: `loss`, `gradient`, and the statistics
 * that targets are.
 */
export class GatysGraph extends OnnxGraph {
  /** relu name -> target input, statistic output, shape of both */
  statistics = new Map();
  #losses = [];
  /** relu name -> gradients of losses there */
  #seeds = new Map();

  constructor(task) {
    super();
    const { size } = task;
    const x = this.input("x", [1, 3, size, size]);
    const layers = this.#forward(task, x);
    for (const layer of layers) {
      if (layer.relu in task.contentLayers) this.#content(layer);
      if (layer.relu in task.styleLayers) this.#style(layer);
    }
    const variation = this.#totalVariation(x, size, task.tvWeight);
    const gradient = this.#backward(layers, task.std);
    this.node("Sum", this.#losses, {}, this.output("loss", []));
    this.node("Add", [gradient, variation], {}, this.output("gradient", [1, 3, size, size]));
  }

  #forward({ size, mean, std, layers }, x) {
    const perChannel = (values) => this.constant([1, 3, 1, 1], Float32Array.from(values));
    let y = this.node("Div", [this.node("Sub", [x, perChannel(mean)]), perChannel(std)]);
    let side = size;
    return layers.map(({ relu, inChannels, outChannels, pooled, weight, bias }) => {
      if (pooled) {
        y = this.node("AveragePool", [y], { kernel_shape: [2, 2], strides: [2, 2] });
        side /= 2;
      }
      const w = this.constant([outChannels, inChannels, 3, 3], weight);
      const b = this.constant([outChannels], bias);
      y = this.node("Relu", [this.node("Conv", [y, w, b], convolution)]);
      return { relu, inChannels, channels: outChannels, pooled, weight, side, output: y };
    });
  }

  #scaled(name) {
    return this.input(`scale ${name}`, []);
  }

  #loss(difference, scale) {
    const square = this.node("Mul", [difference, difference]);
    this.#losses.push(this.node("Mul", [this.node("ReduceSum", [square], { keepdims: 0 }), scale]));
  }

  #seed(relu, gradient) {
    const before = this.#seeds.get(relu);
    this.#seeds.set(relu, before ? this.node("Add", [before, gradient]) : gradient);
  }

  #content({ relu, channels, side, output }) {
    const shape = [1, channels, side, side];
    const target = this.input(`target content ${relu}`, shape);
    const scale = this.#scaled(`content ${relu}`);
    const difference = this.node("Sub", [output, target]);
    this.#loss(difference, scale);
    this.#seed(relu, this.node("Mul", [difference, this.node("Mul", [scale, this.scalar(2)])]));
    this.statistics.set(`content ${relu}`, {
      relu,
      kind: "content",
      output: this.output(output, shape),
      shape,
    });
  }

  #style({ relu, channels, side, output }) {
    const pixels = side * side;
    const shape = [channels, channels];
    const target = this.input(`target style ${relu}`, shape);
    const scale = this.#scaled(`style ${relu}`);
    const f = this.node("Reshape", [output, this.integers([channels, pixels])]);
    const product = this.node("MatMul", [f, this.node("Transpose", [f], { perm: [1, 0] })]);
    const gram = this.node("Mul", [product, this.scalar(1 / pixels)]);
    const difference = this.node("Sub", [gram, target]);
    this.#loss(difference, scale);
    const factor = this.node("Mul", [scale, this.scalar(4 / pixels)]);
    const d = this.node("MatMul", [this.node("Mul", [difference, factor]), f]);
    this.#seed(relu, this.node("Reshape", [d, this.integers([1, channels, side, side])]));
    this.statistics.set(`style ${relu}`, { relu, kind: "style", output: this.output(gram, shape), shape });
  }

  /** Returns the gradient of the term. */
  #totalVariation(x, size, weight) {
    const scale = weight / (3 * size * (size - 1));
    const gradients = [2, 3].map((axis) => {
      const slice = (from, to) =>
        this.node("Slice", [x, ...[[from], [to], [axis]].map((v) => this.integers(v))]);
      const difference = this.node("Sub", [slice(1, size), slice(0, size - 1)]);
      this.#loss(difference, this.scalar(scale));
      const d = this.node("Mul", [difference, this.scalar(2 * scale)]);
      const pad = (place) =>
        this.node("Pad", [
          d,
          this.integers(place.flatMap((p) => [0, 0, axis === 2 ? p : 0, axis === 3 ? p : 0])),
        ]);
      return this.node("Sub", [pad([1, 0]), pad([0, 1])]);
    });
    return this.node("Add", gradients);
  }

  /** Returns the gradient of the style and content terms with respect to the picture. */
  #backward(layers, std) {
    const up = this.constant([4], Float32Array.of(1, 1, 2, 2));
    let d;
    for (const { relu, inChannels, channels, pooled, weight, output } of [...layers].reverse()) {
      const seed = this.#seeds.get(relu);
      if (seed) d = d ? this.node("Add", [d, seed]) : seed;
      d = this.node("Mul", [d, this.node("Sign", [output])]);
      const w = this.constant([inChannels, channels, 3, 3], transposed(weight, channels, inChannels));
      d = this.node("Conv", [d, w], convolution);
      if (pooled) d = this.node("Resize", [this.node("Mul", [d, this.scalar(0.25)]), "", up], nearest);
    }
    return this.node("Div", [d, this.constant([1, 3, 1, 1], Float32Array.from(std))]);
  }
}
