/** Which model is asked, chosen from those that can answer, and what it is in one line. */
import { embedded } from "../client/browser.ts";
import type { ModelCard } from "../client/client.ts";
import { chooseModel, model, models } from "../state/session.ts";
import { countText } from "./numbers.ts";

/** What a model is and is not, in a sentence. */
export function aboutModel({ id, parameters, family, longest, taught }: ModelCard): string {
  if (taught) return `${id} is what was taught under Teach, in front of the model as it is. It answers as its rows do.`;
  const size = parameters === undefined ? "" : ` (${countText(parameters)} parameters)`;
  if (id === embedded) {
    return (
      `${embedded} is a very small model${size}: it tells praise from blame, a fact from an opinion, ` +
      "and what kind of thing a text describes. It knows no facts, cannot hold a conversation, and errs often."
    );
  }
  const parts = [family && `family ${family}`, longest && `texts up to ${longest.toLocaleString("en")} tokens`];
  const rest = parts.filter(Boolean).join(", ");
  return `${id}${size}${rest ? `: ${rest}` : ""}. Like any model, it can be wrong with great confidence.`;
}

interface PickerProps {
  readonly label?: string;
  readonly value?: string;
  onChoose?(id: string): void;
}

export function ModelPicker({ label = "Model", value = model.value?.id, onChoose = chooseModel }: PickerProps) {
  const able = models.value.filter(({ can }) => can.includes("generate"));
  return (
    <label class="picker">
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        {able.map(({ id, state }) => (
          <option key={id} value={id}>
            {id}
            {state === "opening" ? " (opening)" : ""}
          </option>
        ))}
        {able.length === 0 && <option value="">none yet</option>}
      </select>
    </label>
  );
}
