/** Adapters with other limits than the one at hand. */
import type { GpuContext } from "../engine/gpu/context.ts";

export type LimitValues = Partial<Record<keyof GPUSupportedLimits, number>>;

/**
 * Makes the engine go by `changed` limits of the context; the device keeps its own. Call what it returns to undo that.
 */
export function pretendLimits(context: GpuContext, changed: LimitValues): () => void {
  const { limits } = context;
  const pretended = new Proxy(limits, {
    get: (real, name) => changed[name as keyof GPUSupportedLimits] ?? Reflect.get(real, name, real),
  });
  Object.assign(context, { limits: pretended });
  return () => void Object.assign(context, { limits });
}
