/** The part of config.json that makes a T5 a Switch Transformer, read and written. */
import { z } from "zod";
import { fail } from "../../../errors.ts";
import { readConfig } from "../../config.ts";

const count = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 24);
const positive = count.min(1);
const coefficient = z.number().min(0).max(1e6);

/** Entries of a Switch Transformer's config.json beside those of T5, with the defaults of the reference. */
const schema = z.object({
  num_experts: positive.default(8),
  expert_capacity: positive.default(64),
  num_sparse_encoder_layers: count.default(3),
  num_sparse_decoder_layers: count.default(3),
  router_bias: z.boolean().default(false),
  router_jitter_noise: z.number().min(0).max(1).default(0.01),
  router_z_loss_coef: coefficient.default(0.001),
  router_aux_loss_coef: coefficient.default(0.001),
  dense_act_fn: z.string().default("relu"),
});

export interface SwitchConfig {
  readonly experts: number;
  /** How many tokens of a row an expert takes in one layer; the rest pass it by. */
  readonly capacity: number;
  readonly sparseEncoderLayers: number;
  readonly sparseDecoderLayers: number;
  /** The router has a bias. */
  readonly bias: boolean;
  /** In training the sparse layers' inputs are multiplied by numbers between 1 − jitter and 1 + jitter. */
  readonly jitter: number;
  readonly zLoss: number;
  readonly balanceLoss: number;
}

/** Experts of all layers together: each is a piece of the graph. The largest published model has 61,440. */
const mostExperts = 2 ** 16;

/**
 * Read the entries; gives the values and the name of the activation.
 * @throws corrupt_file naming the entry; unsupported for more experts than a graph is built of
 */
export function readSwitchConfig(
  json: unknown,
  layers: number,
): { readonly experts: SwitchConfig; readonly activation: string } {
  const c = readConfig(schema, json, "Switch Transformer");
  if (c.num_experts * layers > mostExperts) {
    fail("unsupported", `${c.num_experts} experts in ${layers} layers: more than ${mostExperts} in all`, {
      where: "config.json",
    });
  }
  return {
    activation: c.dense_act_fn,
    experts: {
      experts: c.num_experts,
      capacity: c.expert_capacity,
      sparseEncoderLayers: c.num_sparse_encoder_layers,
      sparseDecoderLayers: c.num_sparse_decoder_layers,
      bias: c.router_bias,
      jitter: c.router_jitter_noise,
      zLoss: c.router_z_loss_coef,
      balanceLoss: c.router_aux_loss_coef,
    },
  };
}

/** Every how many blocks one is sparse. */
export const sparseStep = (layers: number, sparse: number): number =>
  sparse > 0 ? Math.floor(layers / sparse) : layers;

/** Whether a block's feed-forward network is a router and its experts. With a step of 1 every one is. */
export const isSparse = (block: number, step: number): boolean => step === 1 || (step > 0 && block % step === 1);

/** What config.json says of the experts. */
export const switchConfigJson = (config: SwitchConfig): Record<string, unknown> => ({
  num_experts: config.experts,
  expert_capacity: config.capacity,
  num_sparse_encoder_layers: config.sparseEncoderLayers,
  num_sparse_decoder_layers: config.sparseDecoderLayers,
  router_bias: config.bias,
  router_dtype: "float32",
  router_jitter_noise: config.jitter,
  router_z_loss_coef: config.zLoss,
  router_aux_loss_coef: config.balanceLoss,
});
