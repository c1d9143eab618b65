/** Which papers, of which field and month, and how the digest is made. */
import { CopyForms } from "../../parts/copy-as.tsx";
import { DropZone } from "../../parts/drop.tsx";
import { Icon } from "../../parts/icon.tsx";
import { models, root } from "../../state/session.ts";
import { digestCode } from "./code.ts";
import {
  card,
  chooseStore,
  delay,
  dropped,
  group,
  make,
  month,
  papers,
  stop,
  stores,
  take,
  takeExample,
  top,
  writer,
} from "./state.ts";

/** Groups that are no category by themselves. */
const groups = [
  ["ai-ml", "AI and ML: six categories"],
  ["all", "everything"],
] as const;

const Drop = () => (
  <DropZone
    says="Drop a file of papers' metadata, a JSON object a line, as arXiv's snapshot has them."
    choose="Choose a file"
    label="A file of papers' metadata"
    accept=".jsonl,.ndjson,.json"
    taken={take}
  >
    <button type="button" onClick={() => void takeExample()}>
      Forty made-up papers
    </button>
  </DropZone>
);

function Count({ label, value, most, set }: { label: string; value: number; most: number; set(n: number): void }) {
  return (
    <label class="number-field">
      <span>{label}</span>
      <input
        type="number"
        {...{ value, min: 0, max: most }}
        onChange={({ currentTarget }) => {
          const n = Math.round(currentTarget.valueAsNumber);
          set(n >= 0 && n <= most ? n : value);
          currentTarget.value = String(n >= 0 && n <= most ? n : value);
        }}
      />
    </label>
  );
}

function Options() {
  const able = models.value.filter(({ can }) => can.includes("generate"));
  return (
    <details>
      <summary>How it is made</summary>
      <div class="options">
        <Count label="Papers" value={top.value} most={50} set={(n) => (top.value = Math.max(1, n))} />
        <Count label="Months after it that may be known" value={delay.value} most={24} set={(n) => (delay.value = n)} />
        <label class="number-field">
          <span>Written by</span>
          <select value={writer.value} onChange={({ currentTarget }) => (writer.value = currentTarget.value)}>
            <option value="">nobody: the abstracts' own sentences</option>
            {able.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        </label>
      </div>
    </details>
  );
}

export function Form() {
  const now = papers.value;
  const busy = card.value?.status === "in_progress" ? card.value : undefined;
  const code = (form: Parameters<typeof digestCode>[0]) =>
    digestCode(form, {
      ...{ group: group.value || "ai-ml", month: month.value, top: top.value, delay: delay.value },
      ...{ papers: now?.id ?? "papers", dropped: dropped.value !== undefined, model: writer.value, address: root },
    });
  return (
    <form
      class="digest-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void make();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        if (!busy) void make();
      }}
    >
      {now && (
        <div class="which">
          <label class="number-field">
            <span>Papers from</span>
            <select
              value={dropped.value ? "" : now.id}
              onChange={({ currentTarget }) => currentTarget.value !== "" && chooseStore(currentTarget.value)}
            >
              {dropped.value && (
                <option value="">
                  {dropped.value.file.name} ({now.papers.toLocaleString("en")})
                </option>
              )}
              {stores.value.map(({ id, papers: count }) => (
                <option key={id} value={id}>
                  {id} ({count.toLocaleString("en")})
                </option>
              ))}
            </select>
          </label>
          <label class="number-field">
            <span>Field</span>
            <input
              type="text"
              list="digest-groups"
              value={group.value}
              title="A category (cs.CL), several (cs.CL,cs.LG), a whole archive (cs), ai-ml, all, or NAME=cs.RO,eess.SY"
              onInput={({ currentTarget }) => (group.value = currentTarget.value)}
            />
          </label>
          <datalist id="digest-groups">
            {now.categories.slice(0, 60).map(({ name, papers: count }) => (
              <option key={name} value={name}>
                {count.toLocaleString("en")} papers
              </option>
            ))}
            {groups.map(([name, says]) => (
              <option key={name} value={name}>
                {says}
              </option>
            ))}
          </datalist>
          <label class="number-field">
            <span>Month</span>
            <select value={month.value} onChange={({ currentTarget }) => (month.value = currentTarget.value)}>
              {now.months.map(({ month: one, papers: count }) => (
                <option key={one} value={one}>
                  {one} ({count.toLocaleString("en")})
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {now && <Options />}
      {now && (
        <div class="actions">
          {busy ? (
            <button type="button" onClick={() => void stop(busy.id)}>
              <Icon name="stop" />
              <span>Stop</span>
            </button>
          ) : (
            <button type="submit" class="primary" title="Ctrl-Enter">
              Make it
            </button>
          )}
          <CopyForms
            {...{ code, panel: "digest", holds: "the field and the month" }}
            shared={{ fields: { group: group.value, month: month.value } }}
          />
        </div>
      )}
      <Drop />
    </form>
  );
}
