/** What each operator gives back: dtype and shape of its outputs, from those of its inputs. A total table of all kinds. */
import attention from "./kinds/attention.ts";
import constants from "./kinds/constants.ts";
import elementwise from "./kinds/elementwise.ts";
import indexing from "./kinds/indexing.ts";
import type { ShapeRules } from "./kinds/kind.ts";
import norms from "./kinds/norms.ts";
import ownGradients from "./kinds/own-gradients.ts";
import products from "./kinds/products.ts";
import quantized from "./kinds/quantized.ts";
import reductions from "./kinds/reductions.ts";
import rotary from "./kinds/rotary.ts";
import shapes from "./kinds/shapes.ts";
import windows from "./kinds/windows.ts";

export const infer: Required<ShapeRules> = {
  ...elementwise,
  ...reductions,
  ...shapes,
  ...indexing,
  ...constants,
  ...products,
  ...quantized,
  ...windows,
  ...norms,
  ...attention,
  ...rotary,
  ...ownGradients,
};
