/** The package's own prompt templates: fetched when they are asked for, run by the same code as everywhere. */
import { Problem } from "../client/client.ts";
import { root } from "../state/session.ts";

/** As the build writes them to templates.json. */
export interface PageTemplate {
  readonly dataset: string;
  readonly name: string;
  readonly id: string;
  readonly jinja: string;
  readonly choices?: string;
  /** What the prompt asks for. */
  readonly fields: readonly string[];
}

let loading: Promise<readonly PageTemplate[]> | undefined;

export function loadTemplates(): Promise<readonly PageTemplate[]> {
  loading ??= fetch(new URL("templates.json", root))
    .then((response) => {
      if (!response.ok)
        throw new Problem("The templates are not there.", { details: `templates.json: ${response.status}` });
      return response.json() as Promise<readonly PageTemplate[]>;
    })
    .catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
  return loading;
}

/** The first lists that a template walks may be typed a line an item. */
const looksLikeList = (template: PageTemplate, field: string): boolean =>
  new RegExp(`in\\s+${field}\\b|\\b${field}\\s*(\\[|\\|\\s*join|\\.)`).test(template.jinja);

/** What the template makes of these fields: the prompt, and the choices where it has some. */
export async function renderTemplate(template: PageTemplate, fields: Readonly<Record<string, string>>) {
  const { templatePrompt } = await import("./render.ts");
  const row = new Map<string, string | readonly string[]>();
  for (const [name, text] of Object.entries(fields)) {
    row.set(name, looksLikeList(template, name) ? text.split("\n").filter(Boolean) : text);
  }
  return templatePrompt(template, row);
}

const samples: Readonly<Record<string, string>> = {
  text: "A quiet film, beautifully shot, that stays with you for days.",
  sentence: "The script is thin and the jokes fall flat.",
  content: "A quiet film, beautifully shot, that stays with you for days.",
  review: "The strap broke after two days and nobody answers my mails.",
  title: "The night train",
  premise: "The street was wet in the morning.",
  hypothesis: "It had rained in the night.",
  question: "What falls from the clouds when it rains?",
  passage: "Rain is water that falls from clouds. It forms when small drops join.",
  context: "Rain is water that falls from clouds. It forms when small drops join.",
  sentence1: "The man is playing a guitar.",
  sentence2: "Somebody makes music.",
  document: "The town council voted on Tuesday to keep the library open on Sundays.",
  dialogue: "A: Are you coming?\nB: In ten minutes.",
  choices: "water\nsand\npaper",
};

/** Something to begin with, for the fields that most templates have. */
export const sampleOf = (field: string): string => samples[field] ?? "";
