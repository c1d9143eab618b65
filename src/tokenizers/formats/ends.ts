/** Tokenizers whose settings, and not their file, say which tokens stand around a text. */
import type { JsonObject } from "../../base/json.ts";
import { namedToken, type Settings } from "./declared.ts";

/** Classes whose settings say themselves which ends are put around a text, over what the file says. */
const setsEnds = /^(?:Code)?(?:Llama|Gemma)Tokenizer(?:Fast)?$/;

/** The post-processor of a file, or the one its settings ask for. */
export function withEnds(
  step: JsonObject | null,
  settings: Settings,
  tokenId: (piece: string) => number | undefined,
): JsonObject | null {
  const { config = {} } = settings;
  const { tokenizer_class: kind, add_bos_token: bos, add_eos_token: eos } = config;
  if (typeof kind !== "string" || !setsEnds.test(kind) || (bos === undefined && eos === undefined)) return step;
  return endsTemplate(settings, tokenId);
}

/** A post-processor that puts the named tokens around each text that `add_bos_token` and `add_eos_token` ask for. */
export function endsTemplate(settings: Settings, tokenId: (piece: string) => number | undefined): JsonObject {
  const tokens: Record<string, unknown> = {};
  const token = (asked: string, key: string) => (type: number) => {
    const content = settings.config?.[asked] === true ? namedToken(settings, key) : undefined;
    const id = content === undefined ? undefined : tokenId(content);
    if (content === undefined || id === undefined) return [];
    tokens[content] = { id: content, ids: [id], tokens: [content] };
    return [{ SpecialToken: { id: content, type_id: type } }];
  };
  const [bos, eos] = [token("add_bos_token", "bos_token"), token("add_eos_token", "eos_token")];
  const text = (id: string, type: number) => [...bos(type), { Sequence: { id, type_id: type } }, ...eos(type)];
  const single = text("A", 0);
  return { type: "TemplateProcessing", single, pair: [...single, ...text("B", 1)], special_tokens: tokens };
}
