/** One message: what was said, its branches, and what can be done with it. */
import { useState } from "preact/hooks";
import { copy } from "../../parts/copy-as.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Markdown } from "../../parts/markdown.tsx";
import { TextArea } from "../../parts/text-area.tsx";
import { Walker } from "../../parts/walker.tsx";
import { edit, regenerate, running, talk, walk } from "./state.ts";
import { type Node, siblings } from "./tree.ts";

function Editor({ node, onClose }: { readonly node: Node; onClose(): void }) {
  const [text, setText] = useState(node.content);
  const save = () => {
    onClose();
    void edit(node, text);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="editor">
      <TextArea
        id={`edit-${node.id}`}
        label="Message"
        rows={2}
        autofocus
        value={text}
        onText={setText}
        onKeyDown={keys}
      />
      <div class="actions">
        <button type="button" class="primary" onClick={save}>
          Send again
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          Leave as it was
        </button>
      </div>
    </div>
  );
}

const endings = { stopped: "stopped", length: "cut at the longest answer" };

export function MessageRow({ node }: { readonly node: Node }) {
  const [editing, setEditing] = useState(false);
  const { role, content, model: by, ended, id } = node;
  const coming = running.value === id;
  const beside = siblings(talk.value, node);
  const busy = running.value !== undefined;
  return (
    <li class={`message ${role}`} data-state={coming ? "running" : "done"} aria-busy={coming}>
      <h2 class="who">{role === "user" ? "You" : by}</h2>
      {editing ? (
        <Editor node={node} onClose={() => setEditing(false)} />
      ) : role === "user" ? (
        <div class="said answer-text">{content}</div>
      ) : (
        <div class="said">
          <Markdown text={content} />
          {content === "" && <p class="quiet">{coming ? "reading…" : "The model ended without a word."}</p>}
        </div>
      )}
      {!coming && !editing && (
        <div class="actions tools">
          <Walker
            at={beside.findIndex((one) => one.id === id)}
            count={beside.length}
            of={role === "user" ? "your message" : "the answer"}
            onWalk={(step) => walk(node, step)}
          />
          {role === "user" ? (
            <button type="button" class="quiet" disabled={busy} onClick={() => setEditing(true)}>
              <Icon name="edit" />
              <span>Edit</span>
            </button>
          ) : (
            <button type="button" class="quiet" disabled={busy} onClick={() => regenerate(node)}>
              <Icon name="again" />
              <span>Again</span>
            </button>
          )}
          <button type="button" class="quiet" onClick={() => copy(content, "Message")}>
            <Icon name="copy" />
            <span>Copy</span>
          </button>
          {ended && <span class="quiet">{endings[ended]}</span>}
        </div>
      )}
    </li>
  );
}
