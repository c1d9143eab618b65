/** A plan as the row that `zeroth plan --json` prints. */
import type { Inference } from "./memory.ts";
import type { Landmark, Plan } from "./plan.ts";
import { type Precision, precisions } from "./precision.ts";
import type { Speed } from "./roofline.ts";
import { natureOf } from "./shapes.ts";

const each = <T, R>(values: Readonly<Record<Precision, T>>, make: (value: T) => R): Record<string, R> =>
  Object.fromEntries(precisions.map((precision) => [precision, make(values[precision])]));

/** Keys as rows have them: feedForward becomes feed_forward. */
function snaked(value: object): Record<string, unknown> {
  const key = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      key(name),
      typeof inner === "object" ? snaked(inner as object) : inner,
    ]),
  );
}

const inferenceRow = ({ weights, self, cross, working, total }: Inference) => ({
  weights,
  self_cache: self,
  cross_cache: cross,
  working,
  total,
});

const speedRow = ({ output, input, first }: Speed) => ({
  ...(output && { output_tokens_per_second: output.rate, bound: output.bound, bytes_per_step: output.bytes }),
  ...(input && { input_tokens_per_second: input.rate, input_bound: input.bound }),
  first_token_seconds: first.warm,
  ...(first.cold !== undefined && { first_token_seconds_cold: first.cold }),
});

/** Keys are those of docs/plan.md; what cannot be known is absent, never 0. */
export function planRow(plan: Plan, known: readonly Landmark[], measured: boolean): Record<string, unknown> {
  const { subject, counts, work, dtype, bytes, inference, training, tuning, flops, machine, speeds, verdict } = plan;
  const { trainingSet } = plan;
  const claimed = subject.known?.claimed;
  return {
    model: subject.name,
    architecture: subject.architecture,
    ...(subject.shape && { shape: snaked(subject.shape) }),
    ...(counts && {
      parameters: {
        total: counts.total,
        active: counts.active,
        sparse: counts.active < counts.total,
        parts: counts.parts,
        ...(subject.known && { published: subject.known.published }),
      },
    }),
    ...(claimed !== undefined && { parameters: { claimed, published: subject.known?.published } }),
    ...(subject.known?.note && { note: subject.known.note }),
    ...(subject.files && { files: subject.files }),
    work: { context: work.input, new_tokens: work.output, batch: work.batch, dtype },
    ...(bytes && { bytes }),
    ...(inference && { inference: each(inference, inferenceRow) }),
    ...(training && { training }),
    ...(tuning && {
      tuning: snaked(tuning),
    }),
    ...(flops && {
      flops: {
        input_token: flops.input,
        [subject.shape && natureOf(subject.shape).writes ? "output_token" : "head"]: flops.output,
        training_token: flops.training,
        training_token_own_stack: flops.trainingThrough,
      },
    }),
    ...(trainingSet && { training_set: trainingSet }),
    ...(machine && { machine: { ...snaked(machine), measured } }),
    ...(speeds && { speed: each(speeds, speedRow) }),
    ...(verdict && { verdict }),
    known,
  };
}
