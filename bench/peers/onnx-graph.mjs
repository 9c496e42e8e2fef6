/**
 * Builds ONNX models: only what a graph of f32 tensors needs of the format (onnx.proto3), in protocol buffers' wire
 * format.
 */

const OPSET = 13;
const IR_VERSION = 8;

/** Wire types. */
const VARINT = 0;
const BYTES = 2;

/** onnx.TensorProto.DataType */
const types = new Map([
  [Float32Array, 1],
  [BigInt64Array, 7],
]);

/** onnx.AttributeProto.AttributeType */
const INT = 2;
const STRING = 3;
const INTS = 7;

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

const integer = (field, value) => Buffer.concat([varint((field << 3) | VARINT), varint(value)]);

function bytes(field, content) {
  const buffer = Buffer.from(content);
  return Buffer.concat([varint((field << 3) | BYTES), varint(buffer.length), buffer]);
}

/** A message: its fields, one after the other. */
const message = (field, ...fields) => bytes(field, Buffer.concat(fields));

function attribute([name, value]) {
  if (Array.isArray(value)) {
    return message(5, bytes(1, name), ...value.map((v) => integer(8, v)), integer(20, INTS));
  }
  return typeof value === "string"
    ? message(5, bytes(1, name), bytes(4, value), integer(20, STRING))
    : message(5, bytes(1, name), integer(3, value), integer(20, INT));
}

/** ValueInfoProto of an f32 tensor. */
function valueInfo(field, name, shape) {
  const dimensions = shape.map((size) => message(1, integer(1, size)));
  return message(field, bytes(1, name), message(2, message(1, integer(1, 1), message(2, ...dimensions))));
}

export class OnnxGraph {
  #nodes = [];
  #initializers = [];
  #inputs = [];
  #outputs = [];
  #count = 0;

  /** Adds an operation; returns the name of its only output, which is `name` if given. */
  node(operation, inputs, attributes = {}, name = `t${this.#count++}`) {
    const fields = [...inputs.map((input) => bytes(1, input)), bytes(2, name), bytes(4, operation)];
    this.#nodes.push(message(1, ...fields, ...Object.entries(attributes).map(attribute)));
    return name;
  }

  /** A tensor of the graph's own: Float32Array or BigInt64Array. */
  constant(shape, values) {
    const name = `c${this.#count++}`;
    const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    const fields = [integer(2, types.get(values.constructor)), bytes(8, name), bytes(9, data)];
    this.#initializers.push(message(5, ...shape.map((size) => integer(1, size)), ...fields));
    return name;
  }

  scalar(value) {
    return this.constant([], Float32Array.of(value));
  }

  /** A vector of integers, such as a shape. */
  integers(values) {
    return this.constant([values.length], BigInt64Array.from(values, BigInt));
  }

  input(name, shape) {
    this.#inputs.push(valueInfo(11, name, shape));
    return name;
  }

  output(name, shape) {
    this.#outputs.push(valueInfo(12, name, shape));
    return name;
  }

  /** The model as a file's bytes. */
  encode() {
    const parts = [
      ...this.#nodes,
      bytes(2, "graph"),
      ...this.#initializers,
      ...this.#inputs,
      ...this.#outputs,
    ];
    return Buffer.concat([integer(1, IR_VERSION), message(7, ...parts), message(8, integer(2, OPSET))]);
  }
}
