/** Conversations to token ids: through the model's chat template, or in the plain form where it has none. */
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";
import type { Tokenizer } from "../../tokenizers/tokenizer.ts";
import { type ChatMessage, checkMessages } from "./messages.ts";
import { plainForm } from "./plain-form.ts";
import { type ChatTemplate, type RenderOptions, readChatTemplate, renderChat } from "./render.ts";

export interface PromptOptions extends RenderOptions {
  /** Which of the model's templates; by default `tool_use` with tools, where there is one, else `default`. */
  readonly template?: string | undefined;
}

export interface ChatPrompt {
  readonly ids: readonly number[];
  /** The text that the ids are of. */
  readonly text: string;
  /** What the person should know of this prompt. */
  readonly warnings: readonly string[];
}

export interface PromptMaker {
  /** The template of these options; undefined for the plain form. @throws not_found naming those that there are */
  template(options?: Pick<PromptOptions, "template" | "tools">): ChatTemplate | undefined;
  /**
   * The prompt of a conversation. No text of a message becomes a special token, whatever it looks like.
   * @throws bad_input, unsupported, too_long: see {@link renderChat} and {@link checkMessages}
   */
  prompt(messages: readonly ChatMessage[], options?: PromptOptions): ChatPrompt;
}

/** Tokens that the configuration names by their ids, for tokenizers whose settings name none. */
function namesOf(tokenizer: Tokenizer, config: JsonObject): ReadonlyMap<string, string> {
  const names = new Map(tokenizer.named);
  for (const name of ["bos", "eos", "pad"]) {
    const [id] = [config[`${name}_token_id`]].flat();
    const content = typeof id === "number" ? tokenizer.piece(id) : undefined;
    if (content !== undefined && !names.has(`${name}_token`)) names.set(`${name}_token`, content);
  }
  return names;
}

export function promptMaker({
  tokenizer,
  config,
  templates,
}: {
  readonly tokenizer: Tokenizer;
  readonly config: JsonObject;
  readonly templates: ReadonlyMap<string, string>;
}): PromptMaker {
  const special = [...tokenizer.specialTokens.keys()];
  const names = namesOf(tokenizer, config);
  const read = new Map<string, ChatTemplate>();

  const template: PromptMaker["template"] = ({ template: asked, tools } = {}) => {
    if (templates.size === 0 && asked === undefined) return undefined;
    const name = asked ?? (tools !== undefined && templates.has("tool_use") ? "tool_use" : "default");
    const source = templates.get(name);
    if (source === undefined) {
      return fail("not_found", `there is no chat template "${name.slice(0, 60)}"`, {
        hint: templates.size > 0 ? `there is ${[...templates.keys()].join(", ")}` : "the model has none",
      });
    }
    const known = read.get(name);
    if (known) return known;
    const made = readChatTemplate(source, name === "default" ? "the chat template" : `the chat template "${name}"`);
    read.set(name, made);
    return made;
  };

  return {
    template,
    prompt(given, options = {}) {
      const messages = checkMessages(given);
      const chosen = template(options);
      const warnings: string[] = [];
      const asked = { tools: options.tools, documents: options.documents };
      for (const [what, value] of Object.entries(asked)) {
        if (value === undefined || value.length === 0 || chosen?.uses.has(what)) continue;
        warnings.push(`the model's chat template knows no ${what}: it is not told of them`);
      }
      if (!chosen) {
        const text = plainForm(messages);
        const { ids } = tokenizer.encode(text, { plain: [[0, text.length]] });
        return { ids, text, warnings };
      }
      const { text, given: plain } = renderChat(chosen, messages, options, { special, names });
      if (text === "")
        fail("bad_input", "the chat template prints nothing for this conversation", { where: chosen.where });
      // Special tokens are the template's own: the tokenizer adds none, so there is no second one at the beginning.
      const { ids } = tokenizer.encode(text, { addSpecialTokens: false, plain });
      return { ids, text, warnings };
    },
  };
}
