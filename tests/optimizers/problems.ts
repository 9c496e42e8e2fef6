/**
 * Functions to minimise in the optimisers' tests: the same as in tests/fixtures/make_optimizers.py, with their
 * gradients.
 */

export interface Evaluation {
  readonly loss: number;
  readonly gradient: Float64Array;
}

export type TestFunction = (x: ArrayLike<number>) => Evaluation;

export const testFunctions = { quadratic, rosenbrock, wells } as const;

/** Where every run begins: [n], in [0, 1). */
export function start(n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => ((i * 53) % 97) / 97);
}

/** Eigenvalues from 1 down to 1e-3. */
function quadratic(x: ArrayLike<number>): Evaluation {
  const gradient = new Float64Array(x.length);
  let loss = 0;
  for (let i = 0; i < x.length; i++) {
    const eigenvalue = 1e-3 ** (i / (x.length - 1));
    const error = x[i]! - ((i * 37) % 101) / 101;
    loss += 0.5 * eigenvalue * error ** 2;
    gradient[i] = eigenvalue * error;
  }
  return { loss, gradient };
}

function rosenbrock(x: ArrayLike<number>): Evaluation {
  const gradient = new Float64Array(x.length);
  let loss = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const bend = x[i + 1]! - x[i]! ** 2;
    const rest = 1 - x[i]!;
    loss += 0.01 * (100 * bend ** 2 + rest ** 2);
    gradient[i]! -= 0.01 * (400 * bend * x[i]! + 2 * rest);
    gradient[i + 1]! += 0.01 * 200 * bend;
  }
  return { loss, gradient };
}

/** Concave around its start, so that L-BFGS must reject pairs. */
function wells(x: ArrayLike<number>): Evaluation {
  const gradient = new Float64Array(x.length);
  let loss = 0;
  for (let i = 0; i < x.length; i++) {
    const weight = 0.2 + (0.8 * i) / x.length;
    const z = 0.4 * x[i]!;
    loss += 0.25 * weight * (z ** 2 - 1) ** 2;
    gradient[i] = 0.4 * weight * (z ** 2 - 1) * z;
  }
  return { loss, gradient };
}
