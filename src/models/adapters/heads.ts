/** A model read for a task that its checkpoint may have no head for. */
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import { type Graph, graph } from "../../graph/graph.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { wholeRow } from "../../nn/pass.ts";
import { createScope, type ParameterSpec } from "../../nn/scope.ts";
import type { Architecture, Heads } from "../family.ts";
import { wholeGraph } from "../kinds/whole.ts";

/** Heads that adapters are trained with; none where the model writes text. */
export type TaskHead = Extract<keyof Heads, "sequence" | "tokens" | "span" | "choice">;

const classes: Readonly<Record<TaskHead, string>> = {
  sequence: "ForSequenceClassification",
  tokens: "ForTokenClassification",
  span: "ForQuestionAnswering",
  choice: "ForMultipleChoice",
};

/** config.json of the same model with a head and the names of its classes, where it has classes. */
export function headedConfig(config: JsonObject, head: TaskHead, labels?: readonly string[]): JsonObject {
  const [written] = Array.isArray(config.architectures) ? config.architectures : [];
  const stem = typeof written === "string" ? written.replace(/(For[A-Za-z]+|Model)$/, "") : "";
  const { problem_type: _, num_labels: __, id2label: ___, label2id: ____, ...rest } = config;
  return {
    ...rest,
    architectures: [`${stem}${classes[head]}`],
    ...(labels && {
      id2label: Object.fromEntries(labels.map((label, i) => [String(i), label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    }),
  };
}

const tokens = (name: string): Tensor => input(name, "int64", ["batch", "length"]);

/** What every task asks of a model, its heads left out. */
export function bodyGraph(model: Architecture): Graph {
  if (model.kind === "encoder") {
    const network = model.network(createScope());
    const hidden = network.encode(tokens("ids"), tokens("types"), wholeRow("length", { causal: false }));
    return graph({ hidden });
  }
  if (model.kind !== "decoder") return wholeGraph(model);
  const network = model.network(createScope());
  const hidden = network.decode(tokens("ids"), wholeRow("length", { causal: true }));
  return network.classify ? graph({ hidden }) : wholeGraph(model);
}

/** Parameters that a head asks for beside the body's: a pooler that checkpoints have is among them. */
export function headParameters(model: Architecture, head: TaskHead, body: ReadonlySet<string>): ParameterSpec[] {
  const scope = createScope();
  const refuse = (known: string) =>
    fail("unsupported", `${model.type} has no head for this task (${head})`, { hint: `it has ${known}` });
  if (model.kind === "encoder") {
    const network = model.network(scope);
    const write = network.heads[head];
    if (!write) {
      const known = Object.keys(network.heads);
      return refuse(known.length > 0 ? `heads for ${known.join(", ")}` : "none");
    }
    const hidden = input("hidden", "float32", ["batch", "length", model.width]);
    write(hidden, { ids: tokens("ids"), mask: tokens("mask") });
  } else if (model.kind === "decoder") {
    const { classify } = model.network(scope);
    if (head !== "sequence" || !classify) return refuse("one for classes of texts, and it writes text");
    classify(input("hidden", "float32", ["batch", model.width]));
  } else return refuse("none: let it write the answer");
  return [...scope.parameters.values()].filter(({ name }) => !body.has(name));
}
