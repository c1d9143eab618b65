/**
 * The operators as functions of tensors: the one list of all kinds. Each checks its shapes as it is called and drops
 * what changes nothing (a cast to the same type, a reshape to the same shape, times one), so graphs stay readable
 * without a pass.
 */
export { apply } from "./apply.ts";
export * from "./kinds/attention.ts";
export * from "./kinds/constants.ts";
export * from "./kinds/elementwise.ts";
export * from "./kinds/indexing.ts";
export * from "./kinds/norms.ts";
export * from "./kinds/own-gradients.ts";
export * from "./kinds/products.ts";
export * from "./kinds/quantized.ts";
export * from "./kinds/reductions.ts";
export * from "./kinds/rotary.ts";
export * from "./kinds/shapes.ts";
export * from "./kinds/windows.ts";
