/** A conversation's request as what the engine is asked, and how its answer is read. */
import type { Engine, GenerateAsk, ModelAbout } from "../../host/engine.ts";
import type { Asked, Limits } from "../context.ts";
import { invalid } from "../errors.ts";
import { namedModel } from "../named.ts";
import { checkWork, lengthOf, settingsOf } from "../settings.ts";
import { chatMessages } from "./messages.ts";
import type { ChatRequest, ResponseFormat, Tool, ToolChoice } from "./schema.ts";
import { callReader, type PartReader, plainReader } from "./tools.ts";

/** What is asked of a conversation, whichever interface it came by. */
export type Conversation = Pick<
  ChatRequest,
  | ("model" | "messages" | "max_completion_tokens" | "max_tokens" | "n" | "response_format" | "tools" | "tool_choice")
  | ("parallel_tool_calls" | "top_logprobs" | "temperature" | "top_p" | "seed" | "stop" | "logit_bias" | "grammar")
  | ("presence_penalty" | "frequency_penalty" | "top_k" | "min_p" | "typical_p" | "repetition_penalty")
  | ("no_repeat_ngram_size" | "min_tokens" | "ignore_eos")
> & { readonly logprobs?: boolean | null | undefined };

export interface ChatPlan {
  readonly about: ModelAbout;
  readonly ask: GenerateAsk;
  readonly answers: number;
  readonly logprobs: boolean;
  /** A reader of one answer. */
  reader(): PartReader;
}

/** The schema of a call of one of these tools, where the answer must be one. */
const callSchema = (tools: readonly Tool[]): object => ({
  anyOf: tools.map(({ function: { name, parameters } }) => ({
    type: "object",
    properties: { name: { const: name }, arguments: parameters ?? { type: "object" } },
    required: ["name", "arguments"],
    additionalProperties: false,
  })),
});

function schemaOf(format: ResponseFormat | null | undefined): unknown {
  if (format?.type === "json_object") return { type: "object" };
  return format?.type === "json_schema" ? (format.json_schema.schema ?? true) : undefined;
}

/** The tools that the model is told of, and whether it must call one. */
function toolsOf(
  tools: readonly Tool[],
  choice: ToolChoice,
  about: ModelAbout,
): { tools: readonly Tool[]; must: boolean } {
  if (tools.length === 0) {
    if (typeof choice === "object" || choice === "required") {
      invalid("tool_choice", "'tool_choice' asks for a call and there are no 'tools'", "invalid_value");
    }
    return { tools, must: false };
  }
  if (choice === "none") return { tools: [], must: false };
  if (!about.tools) {
    invalid("tools", `'tools': the chat template of "${about.id}" knows of none`, "unsupported_value");
  }
  if (typeof choice !== "object") return { tools, must: choice === "required" };
  const chosen = tools.filter((tool) => tool.function.name === choice.function.name);
  if (chosen.length === 0) {
    invalid("tool_choice", `'tool_choice': there is no tool "${choice.function.name}" among 'tools'`, "invalid_value");
  }
  return { tools: chosen, must: true };
}

/** What structured answers and calls make of the answer's form. */
function formOf(body: Conversation, tools: readonly Tool[], must: boolean): { readonly schema?: unknown } {
  const wanted = schemaOf(body.response_format);
  if (typeof body.grammar === "string" && (wanted !== undefined || must)) {
    invalid("grammar", "'grammar' and a schema cannot both say what the answer is", "invalid_value");
  }
  if (must) return { schema: callSchema(tools) };
  if (wanted === undefined) return {};
  // A call is then written as plain JSON, which every form of calls is read in.
  return { schema: tools.length > 0 ? { anyOf: [wanted, callSchema(tools)] } : wanted };
}

/**
 * The plan of a conversation.
 * @throws ApiError for fields that do not go together or that this model has no use for
 */
export async function chatPlan(engine: Engine, body: Conversation, asked: Asked, limits: Limits): Promise<ChatPlan> {
  const about = await namedModel(engine, body.model, asked);
  const { tools, must } = toolsOf(body.tools ?? [], body.tool_choice ?? "auto", about);
  const knows = body.messages.some(({ role }) => role === "developer")
    ? String((await engine.tokenizerInfo(about.id)).chat_template ?? "").includes("developer")
    : false;
  const messages = chatMessages(body.messages, limits, knows);
  const answers = body.n ?? 1;
  const settings = {
    ...settingsOf(body, about, answers),
    ...lengthOf(body.max_completion_tokens ?? body.max_tokens, about),
    ...formOf(body, tools, must),
  };
  checkWork(answers, settings, limits, answers > 1 ? "n" : "max_completion_tokens");
  const logprobs = body.logprobs === true;
  const names = tools.map((tool) => tool.function.name);
  const most = body.parallel_tool_calls === false || must ? 1 : undefined;
  return {
    ...{ about, answers, logprobs },
    ask: {
      model: body.model,
      prompt: { messages, ...(tools.length > 0 && { tools }) },
      ...{ settings, answers, owner: asked.owner.owner },
      ...(logprobs && { logprobs: body.top_logprobs ?? 0 }),
    },
    reader: () => (tools.length > 0 ? callReader(names, most) : plainReader),
  };
}
