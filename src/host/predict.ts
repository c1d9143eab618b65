/** What a trained head tells of texts: classes, tags, answers in a passage, choices. */
import { fail, ZerothError } from "../errors.ts";
import type { EncodingModel } from "../text/embedding/encoding-model.ts";
import type { PredictTold, TextInput } from "./engine.ts";

/** Parts of an input that a head does not look at are refused: nobody means what is passed over. */
function refuseOthers(inputs: readonly TextInput[], known: readonly (keyof TextInput)[], what: string): void {
  for (const name of ["pair", "context", "choices"] as const) {
    const isGiven = inputs.some((input) => input[name] !== undefined);
    if (isGiven && !known.includes(name)) fail("bad_input", `'${name}' is of no use here: the model ${what}`);
  }
}

/** Some of the classes, which must be classes of the model, with the probabilities among them. */
function among(
  names: readonly string[],
  choices: readonly string[],
  logits: ArrayLike<number>,
  problem: string | undefined,
) {
  const places = choices.map((choice) => {
    const at = names.indexOf(choice);
    if (at >= 0) return at;
    return fail("bad_input", `'choices': "${choice}" is no class of the model`, {
      hint: `it has ${names.slice(0, 8).join(", ")}${names.length > 8 ? " and others" : ""}`,
    });
  });
  const own = places.map((at) => logits[at]!);
  if (problem === "multi") return { logits: own, scores: own.map((logit) => 1 / (1 + Math.exp(-logit))) };
  const top = Math.max(...own);
  const total = own.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
  return { logits: own, scores: own.map((logit) => Math.exp(logit - top) / total) };
}

const bestOf = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** What a head over classes tells; of numbers, what they are. */
export function classesOf(
  { labels, problem }: { readonly labels: readonly string[]; readonly problem?: string | undefined },
  { scores, logits }: { readonly scores: readonly number[]; readonly logits: ArrayLike<number> },
  choices: readonly string[] = labels,
): PredictTold {
  if (problem === "regression") return { kind: "values", names: labels, values: Array.from(logits) };
  const some = choices === labels ? { scores, logits: Array.from(logits) } : among(labels, choices, logits, problem);
  return { kind: "classes", names: choices, ...some, best: bestOf(some.scores) };
}

function told<R>(found: readonly (R | ZerothError)[], tell: (result: R, row: number) => PredictTold) {
  return found.map((one, row) => (one instanceof ZerothError ? one : tell(one, row)));
}

/**
 * A result, or what is wrong with it, for every input.
 * @throws unsupported for a model without such a head; bad_input naming what lacks
 */
export async function predictAll(
  model: EncodingModel,
  inputs: readonly TextInput[],
  signal: AbortSignal,
): Promise<(PredictTold | ZerothError)[]> {
  const { head, labels, problem } = model;
  const job = { signal };
  switch (head) {
    case "sequence": {
      refuseOthers(inputs, ["pair", "choices"], "tells the class of a text");
      const texts = inputs.map(({ text, pair }) => (pair === undefined ? text : ([text, pair] as const)));
      return told(await model.classifyAll!(texts, job), (result, row) =>
        classesOf({ labels, problem }, result, inputs[row]!.choices),
      );
    }
    case "tokens": {
      refuseOthers(inputs, [], "tells the class of every word");
      const texts = inputs.map(({ text }) => text);
      return told(await model.tagAll!(texts, job), ({ words, spans }) => ({ kind: "tags", words, spans }));
    }
    case "span": {
      refuseOthers(inputs, ["context"], "answers a question about a passage");
      const questions = inputs.map(({ text: question, context }) => ({
        question,
        context: context ?? fail("bad_input", "'context' is needed: the passage that holds the answer"),
      }));
      return told(await model.answerAll!(questions, job), ({ text, start, end, score }) => ({
        kind: "answer",
        ...{ text, start, end, score },
      }));
    }
    case "choice": {
      refuseOthers(inputs, ["choices"], "tells which choice follows a text");
      const rows = inputs.map(({ text, choices = [] }) => ({ text, choices }));
      return told(await model.chooseAll!(rows, job), ({ best, scores, logits }, row) => ({
        kind: "classes",
        ...{ names: inputs[row]!.choices ?? [], scores, logits, best },
      }));
    }
    default:
      return fail("unsupported", "the model has no head that tells classes, tags or answers", {
        hint: "a model that was trained for them, or an adapter: base:adapter",
      });
  }
}
