/** What /v1/chat/completions takes and answers. */
import { z } from "@hono/zod-openapi";
import type { Refusals } from "../check.ts";
import {
  fields,
  functionName,
  hints,
  longestAnswer,
  metadataField,
  modelField,
  sampling,
  schemaObject,
  serviceRefusals,
  streaming,
  usageSchema,
} from "../fields.ts";
import { chatLogprobsSchema } from "../logprobs.ts";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const refusalPart = z.object({ type: z.literal("refusal"), refusal: z.string() });
/** Parts of other types are refused by name, by who reads them. */
const otherPart = z.looseObject({ type: z.string() });
const content = z.union(
  [z.string(), z.array(z.union([textPart, refusalPart, otherPart])).min(1)],
  "a text or a list of parts",
);

const toolCall = z.object({
  id: z.string().max(200),
  type: z.literal("function"),
  function: z.object({ name: z.string().max(200), arguments: z.string() }),
});

const name = z.string().max(200).nullish();
export const messageField = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content, name }),
  z.object({ role: z.literal("developer"), content, name }),
  z.object({ role: z.literal("user"), content, name }),
  z.object({
    role: z.literal("assistant"),
    content: content.nullish(),
    name,
    refusal: z.string().nullish(),
    tool_calls: z.array(toolCall).max(128).nullish(),
  }),
  z.object({ role: z.literal("tool"), content, tool_call_id: z.string().max(200), name }),
]);
export type Message = z.infer<typeof messageField>;

const tool = z.object({
  type: z.literal("function", "only functions are known here"),
  function: z.object({
    name: functionName,
    description: z.string().nullish(),
    parameters: schemaObject.nullish(),
    strict: z.boolean().nullish(),
  }),
});
export type Tool = z.infer<typeof tool>;

const chosenTool = z.object({ type: z.literal("function"), function: z.object({ name: functionName }) });
const toolChoice = z.union(
  [z.enum(["none", "auto", "required"]), chosenTool],
  "none, auto, required or a function's name",
);
export type ToolChoice = z.infer<typeof toolChoice>;

const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({
      name: z.string().max(64),
      description: z.string().nullish(),
      schema: z.union([schemaObject, z.boolean()]).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
]);
export type ResponseFormat = z.infer<typeof responseFormat>;

export const chatRequest = z.object({
  model: modelField,
  messages: z.array(messageField).min(1).max(10_000),
  max_completion_tokens: fields.whole(1, longestAnswer),
  max_tokens: fields.whole(1, longestAnswer).describe("an older name of max_completion_tokens"),
  n: fields.whole(1, 128),
  logprobs: z.boolean().nullish(),
  top_logprobs: fields.whole(0, 20),
  response_format: responseFormat.nullish(),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  metadata: metadataField.nullish(),
  ...sampling,
  ...streaming,
  ...hints,
});
export type ChatRequest = z.infer<typeof chatRequest>;

export const chatRefusals: Refusals = {
  audio: { why: "answers are texts" },
  modalities: { why: "answers are texts", neutral: [["text"]] },
  functions: { why: "it was replaced by 'tools'", neutral: [[]] },
  function_call: { why: "it was replaced by 'tool_choice'", neutral: ["none", "auto"] },
  prediction: { why: "answers are written without one" },
  reasoning_effort: { why: "models here have no such setting", neutral: ["none"] },
  verbosity: { why: "models here have no such setting", neutral: ["medium"] },
  web_search_options: { why: "nothing is searched" },
  store: { why: "answers of chats are not kept; those of /v1/responses are", neutral: [false] },
  ...serviceRefusals,
};

const text = z.string();
export const chatAnswer = z.object({
  id: text,
  object: z.literal("chat.completion"),
  created: z.int(),
  model: text,
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal("assistant"),
        content: text.nullable(),
        refusal: z.null(),
        tool_calls: z.array(toolCall).optional(),
      }),
      logprobs: chatLogprobsSchema.nullable(),
      finish_reason: z.enum(["stop", "length", "tool_calls", "content_filter"]),
    }),
  ),
  usage: usageSchema,
});
