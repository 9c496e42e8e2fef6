/** Steps of the double-precision optimisers, and pairs as the device stores them. */
import type { ReferenceUpdate, VectorPair } from "../../engine/optimizers/reference.ts";
import type { TestFunction } from "./problems.ts";

/** Minimises `f` from `from` on; returns the loss before each step and the last picture. */
export function follow(update: ReferenceUpdate, f: TestFunction, from: Float64Array, steps: number) {
  const losses: number[] = [];
  let image = from;
  for (let i = 0; i < steps; i++) {
    const { loss, gradient } = f(image);
    losses.push(loss);
    image = update(image, gradient);
  }
  return { losses, image };
}

/** The pair as shaders/lib/pairs_f16.wgsl leaves it. */
export function inHalves({ s, y }: VectorPair, firstGradient: Float64Array): VectorPair {
  const largest = Math.max(...firstGradient.map(Math.abs));
  const through = (scale: number) => (value: number) => half(scale * value) / scale;
  return { s: s.map(through(2 ** 11)), y: y.map(through(2 ** (9 - Math.ceil(Math.log2(largest))))) };
}

/** The half next to `value`, ties to even; the largest half beyond it. */
function half(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude >= 65504) return Math.sign(value) * 65504;
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(magnitude))) - 10);
  const units = value / unit;
  const below = Math.floor(units);
  const up = units - below > 0.5 || (units - below === 0.5 && below % 2 !== 0);
  return (up ? below + 1 : below) * unit;
}
