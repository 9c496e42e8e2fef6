/**
 * Work for the device in command buffers of limited length: systems take a GPU that is busy with one for too long for
 * lost, Windows after two seconds.
 */

/**
 * Operations of a dispatch at most, and of a command buffer as long as nobody knows how fast a device is: 150 ms of one
 * that does 200 GFLOP/s, which is less than any does that is a GPU by itself.
 */
export const USUAL_OPERATIONS = 3e10;

/** How long a command buffer may last, in milliseconds. */
export const MOST_MS = 150;

export class Submission {
  readonly #device: GPUDevice;
  readonly #label: string;
  readonly #most: number;
  #encoder: GPUCommandEncoder;
  #spent = 0;

  /** `most`: operations of a command buffer at most, unless its first dispatch has more. */
  constructor(device: GPUDevice, label: string, most: number = USUAL_OPERATIONS) {
    this.#device = device;
    this.#label = label;
    this.#most = most;
    this.#encoder = device.createCommandEncoder({ label });
  }

  /** For work of a few operations. Changes at `spend`. */
  get encoder(): GPUCommandEncoder {
    return this.#encoder;
  }

  /** Whether so many operations more belong into this command buffer. */
  fits(operations: number): boolean {
    return this.#spent + operations <= this.#most;
  }

  /** Call before work of so many operations is encoded, outside passes where it doesn't fit: submits what there is. */
  spend(operations: number): void {
    if (this.#spent > 0 && !this.fits(operations)) {
      this.submit();
      this.#encoder = this.#device.createCommandEncoder({ label: this.#label });
      this.#spent = 0;
    }
    this.#spent += operations;
  }

  /** Submits what was encoded since the last call. */
  submit(): void {
    this.#device.queue.submit([this.#encoder.finish()]);
  }
}
