/** What an address's fragment says: the panel, and what a shared link holds. */
import type { Settings } from "../client/client.ts";

/** What a link holds: a prompt, a template with its fields, parameters, a model. Nothing else, and never a key. */
export interface Shared {
  readonly prompt?: string;
  readonly choices?: string;
  readonly template?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly settings?: Settings;
  readonly model?: string;
}

export interface Route {
  readonly panel: string;
  readonly shared: Shared;
}

const texts = ["prompt", "choices", "template", "model"] as const;
const numbers = ["temperature", "topP", "topK", "minP", "repetitionPenalty", "maxTokens", "seed"] as const;
/** A link made by a stranger is no reason to hold more than a model could read. */
const longest = 100_000;

export function readFragment(fragment: string): Route {
  const [panel = "", query = ""] = fragment.replace(/^#/, "").split("?", 2);
  const given = new URLSearchParams(query);
  const shared: Record<string, unknown> = {};
  for (const name of texts) {
    const value = given.get(name);
    if (value !== null) shared[name] = value.slice(0, longest);
  }
  const settings = numbers.flatMap((name) => {
    const value = Number(given.get(name) ?? Number.NaN);
    return Number.isFinite(value) ? [[name, value] as const] : [];
  });
  if (settings.length > 0) shared.settings = Object.fromEntries(settings);
  const fields = [...given].filter(([name]) => name.startsWith("field."));
  if (fields.length > 0) {
    shared.fields = Object.fromEntries(fields.map(([name, value]) => [name.slice(6), value.slice(0, longest)]));
  }
  return { panel, shared: shared as Shared };
}

export function fragmentOf(panel: string, shared: Shared): string {
  const query = new URLSearchParams();
  for (const name of texts) {
    const value = shared[name];
    if (value) query.set(name, value);
  }
  for (const name of numbers) {
    const value = shared.settings?.[name];
    if (value !== undefined) query.set(name, String(value));
  }
  for (const [name, value] of Object.entries(shared.fields ?? {})) query.set(`field.${name}`, value);
  const text = query.toString();
  return `#${panel}${text ? `?${text}` : ""}`;
}
