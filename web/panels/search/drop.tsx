/** Where documents come in. */
import { documentKinds } from "../../parts/document-kinds.ts";
import { DropZone } from "../../parts/drop.tsx";
import { add } from "./state.ts";

/** @param small once there are documents */
export const Drop = ({ small = false }: { readonly small?: boolean }) => (
  <DropZone
    {...(!small && { says: "Drop documents or a folder here: text, Markdown, HTML, EPUB, PDF." })}
    choose={small ? "Add files" : "Choose files"}
    folder={small ? "Add a folder" : "Choose a folder"}
    accept={documentKinds}
    label="Documents: text, Markdown, HTML, EPUB, PDF"
    taken={add}
  />
);
