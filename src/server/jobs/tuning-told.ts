/** What a process that tunes says, as events that a job's owner reads. */
import type { NewEvent } from "../../state/tunings/events.ts";
import type { Progress } from "../../state/tunings/tunings.ts";
import type { FromTuning } from "./tuning-messages.ts";

type Telling = Extract<FromTuning, { kind: "started" | "step" | "evaluated" | "warned" | "samples" }>;

const rounded = (value: number): string => value.toFixed(4);

/** The event of a message, and how far the job is with it. Of a step that is done again, the event is the same one. */
export function toldOf(message: Telling): { readonly event: NewEvent; readonly progress: Progress } {
  switch (message.kind) {
    case "started": {
      const { step, steps } = message;
      const how = step > 0 ? `The job goes on from step ${step}` : "Fine-tuning job started";
      return { event: { message: how, ...(step === 0 && { once: "started" }) }, progress: { step, steps } };
    }
    case "step": {
      const { step, steps, loss, lr, tokens, seconds } = message;
      return {
        event: {
          message: `Step ${step}/${steps}: training loss=${rounded(loss)}`,
          type: "metrics",
          data: { step, total_steps: steps, train_loss: loss, learning_rate: lr, tokens },
          once: `step-${step}`,
        },
        progress: { step, left: (steps - step) * seconds },
      };
    }
    case "evaluated": {
      const { steps, best, row } = message;
      const { step, metric, value, more } = row;
      const { eval_loss: loss, ...rest } = more;
      const named = Object.entries(rest).map(([name, number]) => [`valid_${name}`, number]);
      return {
        event: {
          message: `Step ${step}/${steps}: validation ${metric}=${rounded(value)}${best ? ", the best so far" : ""}`,
          type: "metrics",
          data: {
            ...{ step, total_steps: steps, [`valid_${metric}`]: value, best },
            ...Object.fromEntries(named),
            ...(loss !== undefined && { valid_loss: loss }),
          },
          once: `evaluation-${step}`,
        },
        progress: {},
      };
    }
    case "warned":
      return { event: { level: "warn", message: message.text, once: message.text.slice(0, 200) }, progress: {} };
    case "samples": {
      const { step, samples } = message;
      return {
        event: { message: `Samples at step ${step}`, data: { step, samples }, once: `samples-${step}` },
        progress: {},
      };
    }
  }
}
