/** Plain double-precision Adam and L-BFGS, which the tests hold the device's against. */

/** Takes the picture and the gradient there; returns the next picture. */
export type ReferenceUpdate = (image: Float64Array, gradient: Float64Array) => Float64Array;

export interface ReferenceAdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** torch.optim.Adam (Kingma and Ba 2015, algorithm 1). */
export function referenceAdam({ learningRate, beta1, beta2 }: ReferenceAdamOptions): ReferenceUpdate {
  let first: Float64Array | undefined;
  let second: Float64Array | undefined;
  let steps = 0;
  return (image, gradient) => {
    steps++;
    first = gradient.map((g, i) => beta1 * (first?.[i] ?? 0) + (1 - beta1) * g);
    second = gradient.map((g, i) => beta2 * (second?.[i] ?? 0) + (1 - beta2) * g * g);
    const rate = learningRate / (1 - beta1 ** steps);
    const root = Math.sqrt(1 - beta2 ** steps);
    return image.map((x, i) => x - (rate * first![i]!) / (Math.sqrt(second![i]!) / root + 1e-8));
  };
}

export interface ReferenceLbfgsOptions {
  readonly learningRate: number;
  readonly history: number;
  /** Factor of the first step. */
  readonly caution?: number;
  /** What pairs become where they are stored, given the first gradient; they stay as they are when not given. */
  readonly store?: (pair: VectorPair, firstGradient: Float64Array) => VectorPair;
}

export interface VectorPair {
  readonly s: Float64Array;
  readonly y: Float64Array;
}

/**
 * torch.optim.LBFGS with `max_iter=1`, no line search and tolerances 0: the two-loop recursion on the vectors
 * themselves.
 */
export function referenceLbfgs(options: ReferenceLbfgsOptions): ReferenceUpdate {
  const { learningRate, history, caution = 1, store = (pair) => pair } = options;
  const pairs: (VectorPair & { readonly ys: number })[] = [];
  let firstGradient: Float64Array | undefined;
  let scale = 1;
  let last: { step: Float64Array; gradient: Float64Array } | undefined;
  return (image, gradient) => {
    let length = learningRate;
    firstGradient ??= gradient.slice();
    if (last) {
      const before = last.gradient;
      const { s, y } = store({ s: last.step, y: gradient.map((g, i) => g - before[i]!) }, firstGradient);
      const ys = dot(y, s);
      if (ys > 1e-10) {
        if (pairs.length === history) pairs.shift();
        pairs.push({ s, y, ys });
        scale = ys / dot(y, y);
      }
    } else {
      length *= caution * Math.min(1, 1 / gradient.reduce((sum, g) => sum + Math.abs(g), 0));
    }
    const q = gradient.map((g) => -g);
    const alphas = pairs.map(() => 0);
    for (const [i, { s, y, ys }] of [...pairs.entries()].reverse()) {
      alphas[i] = dot(s, q) / ys;
      addScaled(q, -alphas[i]!, y);
    }
    const direction = q.map((value) => scale * value);
    for (const [i, { s, y, ys }] of pairs.entries()) {
      addScaled(direction, alphas[i]! - dot(y, direction) / ys, s);
    }
    const step = direction.map((d) => length * d);
    last = { step, gradient: gradient.slice() };
    return image.map((x, i) => x + step[i]!);
  };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, factor: number, vector: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * vector[i]!;
}
