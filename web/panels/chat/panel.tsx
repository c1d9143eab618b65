/** Chat: a conversation with branches. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { CopyAs } from "../../parts/copy-as.tsx";
import { download } from "../../parts/download.ts";
import { Icon } from "../../parts/icon.tsx";
import { Menu } from "../../parts/menu.tsx";
import { aboutModel, ModelPicker } from "../../parts/model-line.tsx";
import { agoText } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { stopAll } from "../../parts/run.ts";
import { TextArea } from "../../parts/text-area.tsx";
import { route } from "../../state/route.ts";
import { model } from "../../state/session.ts";
import { drawing } from "../../state/settings.ts";
import { MessageRow } from "./message.tsx";
import {
  anew,
  draft,
  forgetTalk,
  readTalks,
  reopen,
  running,
  send,
  setSystem,
  takeLink,
  talk,
  talks,
  trouble,
} from "./state.ts";
import { asJson, asMarkdown, messagesTo, pathOf, titleOf } from "./tree.ts";
import "./chat.css";

const exportAs = (kind: "md" | "json") =>
  kind === "md"
    ? download("conversation.md", asMarkdown(talk.value), "text/markdown")
    : download("conversation.json", asJson(talk.value), "application/json");

function Before() {
  const all = talks.value;
  if (all.length === 0) return null;
  return (
    <aside class="side-column" aria-label="Conversations">
      <h2>
        Conversations
        <button type="button" class="quiet" onClick={anew}>
          <Icon name="more" />
          <span>New</span>
        </button>
      </h2>
      <ul class="earlier">
        {all.slice(0, 50).map((one) => (
          <li key={one.id} class={one.id === talk.value.id ? "now" : ""}>
            <button type="button" class="entry" onClick={() => reopen(one)}>
              <span class="line">{titleOf(one)}</span>
              <span class="line quiet">{agoText(one.changed)}</span>
            </button>
            <button type="button" class="quiet forget" aria-label="Forget this" onClick={() => forgetTalk(one.id)}>
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}

export function Panel() {
  const [asking, setAsking] = useState(false);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => void readTalks(), []);
  useEffect(takeLink, [route.value]);
  const path = pathOf(talk.value);
  const last = path.at(-1);
  // Follows the answer as long as its end is in sight.
  useEffect(() => {
    const main = end.current?.closest("main");
    if (main && main.scrollHeight - main.scrollTop - main.clientHeight < 160) end.current?.scrollIntoView();
  }, [last?.content.length, path.length]);
  useCommands([
    { title: "New conversation", run: anew },
    { title: "System prompt", says: "what the model is told beforehand", run: () => setAsking(true) },
    { title: "Export as Markdown", run: () => exportAs("md") },
    { title: "Export as JSON", run: () => exportAs("json") },
  ]);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void send();
  };
  const lastUser = path.findLast(({ role }) => role === "user");
  const spoken = running.value === undefined && last?.role === "assistant" ? `Answer: ${last.content}` : "";
  return (
    <div class="chat columns">
      <div class="main-column">
        <div class="panel-head">
          <h1>Chat {model.value && <small class="about">{aboutModel(model.value)}</small>}</h1>
          <div class="actions">
            <button
              type="button"
              class="quiet"
              aria-pressed={asking || talk.value.system !== ""}
              onClick={() => setAsking(!asking)}
            >
              System prompt
            </button>
            {path.length > 0 && (
              <Menu label="Export" icon="save">
                <button type="button" onClick={() => exportAs("md")}>
                  Markdown
                </button>
                <button type="button" onClick={() => exportAs("json")}>
                  JSON
                </button>
              </Menu>
            )}
            {lastUser && (
              <CopyAs
                ask={{
                  ...{ model: model.value?.id ?? "", settings: drawing.value },
                  prompt: { messages: messagesTo(talk.value, lastUser.id) },
                }}
                panel="chat"
                shared={{ prompt: lastUser.content, model: model.value?.id ?? "", settings: drawing.value }}
              />
            )}
          </div>
        </div>
        {asking && (
          <div class="field">
            <label for="system">System prompt: what the model is told beforehand</label>
            <TextArea id="system" label="System prompt" rows={2} value={talk.value.system} onText={setSystem} />
          </div>
        )}
        <p class="hidden" role="status">
          {spoken}
        </p>
        <ol class="messages" aria-label="Conversation">
          {path.map((node) => (
            <MessageRow key={node.id} node={node} />
          ))}
        </ol>
        {trouble.value && <ProblemNote problem={trouble.value} />}
        <div ref={end} />
        <form
          class="composer"
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <TextArea
            id="message"
            label="Message"
            rows={2}
            placeholder="Say something; Shift-Enter begins a new line"
            autofocus
            value={draft.value}
            onText={(text) => {
              draft.value = text;
            }}
            onKeyDown={keys}
          />
          <div class="actions">
            <ModelPicker />
            {running.value === undefined ? (
              <button type="submit" class="primary">
                <Icon name="send" />
                <span>Send</span>
              </button>
            ) : (
              <button type="button" class="primary" title="Esc" onClick={() => stopAll()}>
                <Icon name="stop" />
                <span>Stop</span>
              </button>
            )}
          </div>
        </form>
      </div>
      <Before />
    </div>
  );
}
