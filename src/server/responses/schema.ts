/** What /v1/responses takes and answers. */
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
} from "../fields.ts";
import { filtersField, rankingField } from "../vectors/schema.ts";

const part = z.looseObject({ type: z.string() });
const content = z.union([z.string(), z.array(part)], "a text or a list of parts");
const id = z.string().max(200).nullish();

const messageItem = z.object({
  type: z.literal("message").optional(),
  role: z.enum(["user", "assistant", "system", "developer"]),
  content,
  id,
});
const callItem = z.object({
  type: z.literal("function_call"),
  call_id: z.string().max(200),
  name: z.string().max(200),
  arguments: z.string(),
  id,
});
const outputItem = z.object({
  type: z.literal("function_call_output"),
  call_id: z.string().max(200),
  output: content,
  id,
});
const otherItem = z.looseObject({ type: z.string() });
export const inputItem = z.union(
  [messageItem, callItem, outputItem, otherItem],
  "a message, function_call or function_call_output",
);
export type InputItem = z.infer<typeof messageItem> | z.infer<typeof callItem> | z.infer<typeof outputItem>;

const functionTool = z.object({
  type: z.literal("function"),
  name: functionName,
  description: z.string().nullish(),
  parameters: schemaObject.nullish(),
  strict: z.boolean().nullish(),
});
const fileSearchTool = z.object({
  type: z.literal("file_search"),
  vector_store_ids: z.array(z.string().min(1).max(200)).min(1).max(8),
  max_num_results: z
    .int()
    .min(1)
    .max(50)
    .nullish()
    .describe("passages that are looked for (8); as many are read as fit"),
  filters: filtersField.nullish(),
  ranking_options: rankingField.nullish(),
});
export type FileSearchTool = z.infer<typeof fileSearchTool>;

const tool = z.discriminatedUnion("type", [functionTool, fileSearchTool], "function and file_search are known here");

const format = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    name: z.string().max(64),
    description: z.string().nullish(),
    schema: z.union([schemaObject, z.boolean()]),
    strict: z.boolean().nullish(),
  }),
]);

/** What can be told besides; all but the first two is of tools that are not here. */
const included = z.enum([
  "message.output_text.logprobs",
  ...["file_search_call.results", "web_search_call.results", "web_search_call.action.sources"],
  ...["message.input_image.image_url", "computer_call_output.output.image_url"],
  ...["code_interpreter_call.outputs", "reasoning.encrypted_content"],
] as const);

export const responseRequest = z.object({
  model: modelField,
  input: z.union([z.string(), z.array(inputItem).min(1).max(10_000)], "a text or a list of items"),
  instructions: z.string().nullish(),
  max_output_tokens: fields.whole(16, longestAnswer),
  previous_response_id: z.string().max(200).nullish(),
  store: z.boolean().nullish().describe("kept for GET and previous_response_id; true by default"),
  stream: z.boolean().nullish(),
  background: z.boolean().nullish().describe("answered at once as queued, and asked for by its id"),
  text: z.object({ format: format.nullish(), verbosity: z.literal("medium").nullish() }).nullish(),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(["none", "auto", "required"]),
        z.object({ type: z.literal("function"), name: functionName }),
        z.object({ type: z.literal("file_search") }),
      ],
      "none, auto, required, a function's name or file_search",
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  include: z.array(included).nullish(),
  top_logprobs: fields.whole(0, 20),
  metadata: metadataField.nullish(),
  ...sampling,
  ...hints,
});
export type ResponseRequest = z.infer<typeof responseRequest>;

export const responseRefusals: Refusals = {
  conversation: { why: "conversations go on by previous_response_id" },
  prompt: { why: "no prompts are kept here" },
  reasoning: { why: "models here have no such setting", neutral: [{}, { effort: null }, { effort: "none" }] },
  max_tool_calls: { why: "tools are called by the client" },
  truncation: { why: "nothing is cut off", neutral: ["disabled"] },
  stream_options: { why: "events have no padding", neutral: [{}, { include_obfuscation: false }] },
  context_management: { why: "nothing is cut off", neutral: [[]] },
  ...serviceRefusals,
};

const text = z.string();
const logprob = z.object({ token: text, logprob: z.number(), bytes: z.array(z.int()) });
const outputText = z.object({
  type: z.literal("output_text"),
  text,
  annotations: z.array(z.object({ type: z.literal("file_citation"), file_id: text, filename: text, index: z.int() })),
  logprobs: z.array(logprob.extend({ top_logprobs: z.array(logprob) })),
});
const itemStatus = z.enum(["in_progress", "completed", "incomplete"]);
const answered = z.union([
  z.object({
    type: z.literal("message"),
    id: text,
    role: z.literal("assistant"),
    status: itemStatus,
    content: z.array(outputText),
  }),
  z.object({
    type: z.literal("function_call"),
    id: text,
    call_id: text,
    name: text,
    arguments: text,
    status: itemStatus,
  }),
  z.object({
    type: z.literal("file_search_call"),
    id: text,
    status: z.enum(["in_progress", "searching", "completed"]),
    queries: z.array(text),
    results: z
      .array(
        z.object({
          ...{ file_id: text, filename: text, score: z.number(), text },
          attributes: z.record(text, z.union([text, z.number(), z.boolean()])).nullable(),
        }),
      )
      .nullable(),
  }),
]);
export type OutputItem = z.infer<typeof answered>;

export const responseAnswer = z.object({
  id: text,
  object: z.literal("response"),
  created_at: z.int(),
  status: z.enum(["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]),
  background: z.boolean(),
  error: z.object({ code: text, message: text }).nullable(),
  incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
  instructions: text.nullable(),
  max_output_tokens: z.int().nullable(),
  model: text,
  output: z.array(answered),
  parallel_tool_calls: z.boolean(),
  previous_response_id: text.nullable(),
  reasoning: z.object({ effort: z.null(), summary: z.null() }),
  store: z.boolean(),
  temperature: z.number().nullable(),
  top_p: z.number().nullable(),
  text: z.looseObject({}),
  tool_choice: z.union([text, z.looseObject({})]),
  tools: z.array(z.looseObject({})),
  top_logprobs: z.int(),
  truncation: z.literal("disabled"),
  metadata: z.record(text, text),
  usage: z
    .object({
      input_tokens: z.int(),
      input_tokens_details: z.object({ cached_tokens: z.int() }),
      output_tokens: z.int(),
      output_tokens_details: z.object({ reasoning_tokens: z.int() }),
      total_tokens: z.int(),
    })
    .nullable(),
});
export type ResponseAnswer = z.infer<typeof responseAnswer>;
