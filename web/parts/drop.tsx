/** Where a person's files come in: dropped, or chosen. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { droppedFiles } from "./dropped.ts";
import { Icon } from "./icon.tsx";
import "../style/drop.css";

interface Props {
  /** What to drop, in a sentence; none once something is there. */
  readonly says?: ComponentChildren;
  readonly choose: string;
  /** Names the field for who does not see it. */
  readonly label: string;
  /** Ends or types of files to choose among; `folder`: a whole folder is chosen. */
  readonly accept: string;
  /** Says that a whole folder may be chosen too; files are then several. */
  readonly folder?: string;
  readonly disabled?: boolean;
  /** More buttons, beside those. */
  readonly children?: ComponentChildren;
  readonly taken: (files: readonly File[]) => unknown;
}

export function DropZone({ says, choose, label, accept, folder: folderSays, disabled, children, taken }: Props) {
  const [over, setOver] = useState(false);
  const [files, folder] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const chosen = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    void taken([...(currentTarget.files ?? [])]);
    currentTarget.value = "";
  };
  const whole = { multiple: true, webkitdirectory: true };
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
        <button type="button" disabled={disabled ?? false} onClick={() => files.current?.click()}>
          <Icon name="more" />
          <span>{choose}</span>
        </button>
        {folderSays && (
          <button type="button" onClick={() => folder.current?.click()}>
            {folderSays}
          </button>
        )}
        {children}
      </div>
      <input
        {...{ ref: files, type: "file", class: "hidden", tabIndex: -1 }}
        {...(accept === "folder" ? whole : { accept, multiple: folderSays !== undefined })}
        aria-label={label}
        onChange={chosen}
      />
      {folderSays && (
        <input
          {...{ ref: folder, type: "file", class: "hidden", tabIndex: -1, ...whole }}
          aria-label="A folder of documents"
          onChange={chosen}
        />
      )}
    </div>
  );
}
