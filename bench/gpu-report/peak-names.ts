/** What the peaks are called that others are held against. */
export const peakNames = {
  products: { f32: "products, f32", f16: "products, f16" },
  matrix: "products on matrix units",
  memory: "copy, bytes read and written",
} as const;
