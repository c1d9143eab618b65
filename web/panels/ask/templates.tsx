/** Prompt templates: picked by name, filled in, and seen as the model will read them. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Problem, problemOf } from "../../client/client.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { loadTemplates, type PageTemplate, renderTemplate, sampleOf } from "../../templates/list.ts";
import { setDraft } from "./state.ts";

export function TemplatePicker({ onClose }: { onClose(): void }) {
  const [all, setAll] = useState<readonly PageTemplate[]>([]);
  const [trouble, setTrouble] = useState<Problem | undefined>();
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<PageTemplate | undefined>();
  const [fields, setFields] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    loadTemplates().then(setAll, (error: unknown) => setTrouble(problemOf(error)));
  }, []);
  const hits = useMemo(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    return all.filter(({ dataset, name }) => words.every((word) => `${dataset} ${name}`.toLowerCase().includes(word)));
  }, [all, query]);

  useEffect(() => {
    if (!chosen) return;
    let left = false;
    renderTemplate(chosen, fields).then(
      ({ prompt, choices }) => {
        if (left) return;
        setTrouble(undefined);
        setDraft({ prompt, choices: choices.join("\n"), choosing: choices.length > 0 });
      },
      (error: unknown) => !left && setTrouble(problemOf(error)),
    );
    return () => {
      left = true;
    };
  }, [chosen, fields]);

  const choose = (template: PageTemplate) => {
    setChosen(template);
    setFields(Object.fromEntries(template.fields.map((field) => [field, fields[field] ?? sampleOf(field)])));
  };
  return (
    <div class="templates" role="group" aria-label="Templates">
      <div class="template-list">
        <input
          type="search"
          aria-label="Find a template"
          placeholder={`Find among ${all.length} templates`}
          value={query}
          onInput={({ currentTarget }) => setQuery(currentTarget.value)}
        />
        <ul>
          {hits.slice(0, 200).map((template) => (
            <li key={`${template.dataset}/${template.name}`}>
              <button type="button" aria-pressed={template === chosen} onClick={() => choose(template)}>
                {template.name} <small>{template.dataset}</small>
              </button>
            </li>
          ))}
        </ul>
        {all.length > 0 && hits.length === 0 && <p class="quiet">No template is called that.</p>}
      </div>
      <div class="template-fields">
        {!chosen && (
          <p class="quiet">Take one: its fields come here, and the prompt above is written as you fill them.</p>
        )}
        {chosen?.fields.map((field) => (
          <label key={field}>
            <span>{field.replaceAll("_", " ")}</span>
            <textarea
              rows={field.length > 0 && (fields[field]?.length ?? 0) > 60 ? 3 : 1}
              value={fields[field] ?? ""}
              onInput={({ currentTarget }) => setFields({ ...fields, [field]: currentTarget.value })}
            />
          </label>
        ))}
        {trouble && <ProblemNote problem={trouble} />}
        <button type="button" class="quiet" onClick={onClose}>
          Close the templates
        </button>
      </div>
    </div>
  );
}
