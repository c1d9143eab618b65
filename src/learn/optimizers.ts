/**
 * Optimisers as graphs: each says what it remembers of a parameter and writes one update in operators. Updates run
 * in place, so every rule reads an old value only on the way to the new one that replaces it.
 */
import * as o from "../graph/operators.ts";
import type { Tensor } from "../graph/tensor.ts";

export interface Update {
  readonly value: Tensor;
  /** The gradient, not yet clipped. */
  readonly gradient: Tensor;
  /** Factor of the global-norm clipping, a scalar. */
  readonly clip: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
  readonly scalars: Readonly<Record<string, Tensor>>;
  /** A number fixed in the graph (0 leaves decay out of it), or an input of the step, a scalar. */
  readonly weightDecay: Rate;
  /** Multiplies the learning rate for this parameter; a number or an input, so too. */
  readonly lrScale: Rate;
}

export type Rate = number | Tensor;

export interface Optimizer {
  readonly name: "adamw" | "adafactor" | "sgd";
  /** What is remembered of a parameter of this shape, all float32, starting at zero. */
  slots(shape: readonly number[]): Readonly<Record<string, readonly number[]>>;
  /** Numbers that change from step to step (the first is step 1). */
  scalars(step: number, lr: number): Readonly<Record<string, number>>;
  update(u: Update): { readonly value: Tensor; readonly slots: Readonly<Record<string, Tensor>> };
}

export interface AdamWOptions {
  betas?: readonly [number, number];
  eps?: number;
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2; PyTorch's arithmetic). The corrections
 * 1 − βᵗ move into the step size and ε, which saves two passes over every parameter.
 */
export function adamw({ betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 }: AdamWOptions = {}): Optimizer {
  return {
    name: "adamw",
    slots: (shape) => ({ exp_avg: shape, exp_avg_sq: shape }),
    scalars(step, lr) {
      const root = Math.sqrt(1 - b2 ** step);
      return { lr, size: (lr * root) / (1 - b1 ** step), eps: eps * root };
    },
    update({ value, gradient, clip, slots, scalars, weightDecay, lrScale }) {
      const m = o.add(o.mul(slots.exp_avg!, b1), o.mul(gradient, o.mul(clip, 1 - b1)));
      const scaled = o.mul(o.square(gradient), o.mul(o.square(clip), 1 - b2));
      const v = o.add(o.mul(slots.exp_avg_sq!, b2), scaled);
      const step = o.mul(o.div(m, o.add(o.sqrt(v), scalars.eps!)), o.mul(scalars.size!, lrScale));
      const kept = weightDecay === 0 ? value : o.mul(value, o.sub(1, o.mul(o.mul(scalars.lr!, lrScale), weightDecay)));
      return { value: o.sub(kept, step), slots: { exp_avg: m, exp_avg_sq: v } };
    },
  };
}

export interface AdafactorOptions {
  eps?: readonly [number, number];
  clip_threshold?: number;
  decay_rate?: number;
  beta1?: number | null;
  scale_parameter?: boolean;
  relative_step?: boolean;
  warmup_init?: boolean;
  /** Matrices keep means of rows and columns of the squared gradient (default), not one number an element. */
  factored?: boolean;
}

/** Root mean square of all elements, a scalar. */
const rms = (x: Tensor) => o.sqrt(o.mean(o.square(x)));

/** Adafactor (Shazeer & Stern 2018, algorithms 4 and 5) with the keys and meaning of transformers' implementation. */
export function adafactor(options: AdafactorOptions = {}): Optimizer {
  const { eps: [tiny, floor] = [1e-30, 1e-3], clip_threshold = 1, decay_rate = -0.8, beta1 = null } = options;
  const { scale_parameter = true, relative_step = true, warmup_init = false, factored = true } = options;
  const first = (shape: readonly number[]): Record<string, readonly number[]> =>
    beta1 === null ? {} : { exp_avg: shape };
  return {
    name: "adafactor",
    slots: (shape) =>
      shape.length < 2 || !factored
        ? { exp_avg_sq: shape, ...first(shape) }
        : {
            exp_avg_sq_row: shape.slice(0, -1),
            exp_avg_sq_col: [...shape.slice(0, -2), shape.at(-1)!],
            ...first(shape),
          },
    scalars(step, lr) {
      const relative = Math.min(warmup_init ? 1e-6 * step : 1e-2, 1 / Math.sqrt(step));
      const beta2 = 1 - step ** decay_rate;
      return { lr: relative_step ? relative : lr, beta2, rest: 1 - beta2 };
    },
    update({ value, gradient, clip, slots, scalars, weightDecay, lrScale }) {
      const g = o.mul(gradient, clip);
      const squared = o.add(o.square(g), tiny);
      const blend = (old: Tensor, fresh: Tensor) => o.add(o.mul(old, scalars.beta2!), o.mul(fresh, scalars.rest!));
      const rsqrt = (x: Tensor) => o.reciprocal(o.sqrt(x));
      const next: Record<string, Tensor> = {};
      let update: Tensor;
      if (value.shape.length >= 2 && factored) {
        const row = blend(slots.exp_avg_sq_row!, o.mean(squared, [-1]));
        const col = blend(slots.exp_avg_sq_col!, o.mean(squared, [-2]));
        Object.assign(next, { exp_avg_sq_row: row, exp_avg_sq_col: col });
        const rows = rsqrt(o.div(row, o.mean(row, [-1], true)));
        const column = [...row.shape, 1];
        const line = [...col.shape.slice(0, -1), 1, col.shape.at(-1)!];
        update = o.mul(o.mul(g, o.reshape(rows, column)), o.reshape(rsqrt(col), line));
      } else {
        next.exp_avg_sq = blend(slots.exp_avg_sq!, squared);
        update = o.mul(g, rsqrt(next.exp_avg_sq));
      }
      const lr = o.mul(scalars.lr!, lrScale);
      const scale = scale_parameter ? o.mul(lr, o.maximum(rms(value), floor)) : lr;
      update = o.mul(update, o.div(scale, o.maximum(o.div(rms(update), clip_threshold), 1)));
      if (beta1 !== null) {
        update = o.add(o.mul(slots.exp_avg!, beta1), o.mul(update, 1 - beta1));
        next.exp_avg = update;
      }
      const kept = weightDecay === 0 ? value : o.mul(value, o.sub(1, o.mul(scale, weightDecay)));
      return { value: o.sub(kept, update), slots: next };
    },
  };
}

/** Gradient descent with heavy-ball momentum, as PyTorch's SGD: v ← μ v + g, p ← p − lr v. */
export function sgd({ momentum = 0 }: { momentum?: number } = {}): Optimizer {
  return {
    name: "sgd",
    slots: (shape): Record<string, readonly number[]> => (momentum === 0 ? {} : { momentum_buffer: shape }),
    scalars: (_, lr) => ({ lr }),
    update({ value, gradient, clip, slots, scalars, weightDecay, lrScale }) {
      const clipped = o.mul(gradient, clip);
      const g = weightDecay === 0 ? clipped : o.add(clipped, o.mul(value, weightDecay));
      const velocity = momentum === 0 ? g : o.add(o.mul(slots.momentum_buffer!, momentum), g);
      const moved = o.sub(value, o.mul(velocity, o.mul(scalars.lr!, lrScale)));
      return { value: moved, slots: momentum === 0 ? {} : { momentum_buffer: velocity } };
    },
  };
}
