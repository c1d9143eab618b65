/** Where documents come in. */
import { useRef, useState } from "preact/hooks";
import { droppedFiles } from "../../parts/dropped.ts";
import { Icon } from "../../parts/icon.tsx";
import { add } from "./state.ts";

const kinds = ".txt,.text,.md,.markdown,.html,.htm,.xhtml,.epub,.pdf";

/** @param small once there are documents */
export function Drop({ small }: { readonly small?: boolean }) {
  const [over, setOver] = useState(false);
  const [files, folder] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const taken = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    void add([...(currentTarget.files ?? [])]);
    currentTarget.value = "";
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping files repeats what the buttons inside do
    <div
      class={`drop${over ? " over" : ""}${small ? " small" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void droppedFiles(event.dataTransfer).then(add);
      }}
    >
      {!small && <p>Drop documents or a folder here: text, Markdown, HTML, EPUB, PDF.</p>}
      <div class="actions">
        <button type="button" onClick={() => files.current?.click()}>
          <Icon name="more" />
          <span>{small ? "Add files" : "Choose files"}</span>
        </button>
        <button type="button" onClick={() => folder.current?.click()}>
          {small ? "Add a folder" : "Choose a folder"}
        </button>
      </div>
      <input
        {...{ ref: files, type: "file", multiple: true, class: "hidden", tabIndex: -1, accept: kinds }}
        aria-label="Documents: text, Markdown, HTML, EPUB, PDF"
        onChange={taken}
      />
      <input
        {...{ ref: folder, type: "file", multiple: true, class: "hidden", tabIndex: -1, webkitdirectory: true }}
        aria-label="A folder of documents"
        onChange={taken}
      />
    </div>
  );
}
