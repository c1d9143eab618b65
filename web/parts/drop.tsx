/** Where a person's documents come in: dropped, or chosen. */
import { useRef, useState } from "preact/hooks";
import { droppedFiles } from "./dropped.ts";
import { Icon } from "./icon.tsx";
import "../style/documents.css";

const kinds = ".txt,.text,.md,.markdown,.html,.htm,.xhtml,.epub,.pdf";

interface Props {
  /** What to drop, in a sentence; none once something is there. */
  readonly says?: string;
  readonly choose: string;
  /** Names the field for who does not see it. */
  readonly label: string;
  /** Several at once, and whole folders. */
  readonly folder?: string;
  readonly taken: (files: readonly File[]) => unknown;
}

export function DropZone({ says, choose, label, folder: folderSays, taken }: Props) {
  const [over, setOver] = useState(false);
  const [files, folder] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const chosen = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    void taken([...(currentTarget.files ?? [])]);
    currentTarget.value = "";
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping files repeats what the buttons inside do
    <div
      class={`drop-zone${over ? " over" : ""}${says ? "" : " small"}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void droppedFiles(event.dataTransfer).then(taken);
      }}
    >
      {says && <p>{says}</p>}
      <div class="actions">
        <button type="button" onClick={() => files.current?.click()}>
          <Icon name="more" />
          <span>{choose}</span>
        </button>
        {folderSays && (
          <button type="button" onClick={() => folder.current?.click()}>
            {folderSays}
          </button>
        )}
      </div>
      <input
        {...{ ref: files, type: "file", multiple: folderSays !== undefined, class: "hidden", tabIndex: -1 }}
        accept={kinds}
        aria-label={label}
        onChange={chosen}
      />
      {folderSays && (
        <input
          {...{ ref: folder, type: "file", multiple: true, class: "hidden", tabIndex: -1, webkitdirectory: true }}
          aria-label="A folder of documents"
          onChange={chosen}
        />
      )}
    </div>
  );
}
