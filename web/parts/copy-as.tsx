/** The question of a panel as code, and as a link. */
import { signal } from "@preact/signals";
import { embedded } from "../client/browser.ts";
import type { Ask } from "../client/client.ts";
import { fragmentOf, type Shared } from "../state/fragment.ts";
import { client, models, root } from "../state/session.ts";
import { type CodeForm, codeForms, codeOf } from "./code.ts";
import { Icon } from "./icon.tsx";
import { Menu } from "./menu.tsx";

const said = signal("");
let clearing: ReturnType<typeof setTimeout> | undefined;

/** Puts a text where the person can paste it, and says so. */
export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    said.value = `${what} copied`;
  } catch {
    said.value = "The browser did not let the page copy.";
  }
  clearTimeout(clearing);
  clearing = setTimeout(() => {
    said.value = "";
  }, 2500);
}

export function CopyNote() {
  return (
    <span class="note" role="status">
      {said.value}
    </span>
  );
}

interface FormsProps {
  readonly code: (form: CodeForm) => string;
  readonly panel: string;
  readonly shared: Shared;
  /** What a link holds, in words. */
  readonly holds?: string;
}

/** What a panel would do as code, and as a link. */
export function CopyForms({ code, panel, shared, holds = "the prompt, parameters and model" }: FormsProps) {
  return (
    <>
      <Menu label="Copy as" icon="copy">
        {codeForms.map(([form, title]) => (
          <button key={form} type="button" onClick={() => copy(code(form), title)}>
            {title}
          </button>
        ))}
      </Menu>
      <button
        type="button"
        class="quiet"
        title={`A link that holds ${holds}, and nothing else`}
        onClick={() => copy(new URL(fragmentOf(panel, shared), location.href.replace(/#.*/, "")).href, "Link")}
      >
        <Icon name="share" />
        <span>Share</span>
      </button>
      <CopyNote />
    </>
  );
}

interface Props {
  readonly ask: Ask;
  readonly choices?: readonly string[];
  readonly panel: string;
  readonly shared: Shared;
}

export function CopyAs({ ask, choices = [], panel, shared }: Props) {
  const address = client.value?.where === "server" ? root : "http://127.0.0.1:8080/";
  const own = models.value.find(({ id }) => id === ask.model)?.defaults;
  const code = (form: CodeForm) =>
    codeOf(form, { ask: { ...ask, model: ask.model || embedded }, choices, own, address });
  return <CopyForms {...{ code, panel, shared }} />;
}
