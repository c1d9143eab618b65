/** The first column: rows come in, are seen, and their columns chosen. */
import { useState } from "preact/hooks";
import { DropZone } from "../../parts/drop.tsx";
import { Icon } from "../../parts/icon.tsx";
import { plural, shareText } from "../../parts/numbers.ts";
import { examples } from "./examples.ts";
import { columns, isRunning, lines, source, table, takeExample, takeFile, takeText } from "./state.ts";

/** Rows and classes that are shown; of more, so many are told. */
const [shownRows, shownClasses] = [6, 8];

function Bring() {
  const [pasting, setPasting] = useState(false);
  return (
    <>
      <DropZone
        says="Drop a table here: a column of texts, a column of labels."
        choose="Choose a file"
        label="A table of rows: CSV, TSV or JSON Lines"
        accept=".csv,.tsv,.txt,.jsonl,.ndjson,text/csv"
        taken={([file]) => file && takeFile(file)}
      >
        <button type="button" class="quiet" aria-expanded={pasting} onClick={() => setPasting(!pasting)}>
          Paste rows
        </button>
      </DropZone>
      {pasting && (
        <textarea
          rows={4}
          aria-label="Rows as text"
          spellcheck={false}
          placeholder={"text,label\nPlease keep a loaf for me,order\nThe loaf was stale,complaint"}
          onInput={({ currentTarget }) => currentTarget.value.trim() && void takeText(currentTarget.value, "")}
        />
      )}
      <fieldset class="examples">
        <legend>Or try</legend>
        {examples.map((example) => (
          <button key={example.title} type="button" title={example.says} onClick={() => void takeExample(example)}>
            {example.title}
          </button>
        ))}
      </fieldset>
    </>
  );
}

function ColumnPicker({ label, at, onChoose }: { label: string; at: number; onChoose(at: number): void }) {
  return (
    <label class="picker">
      <span>{label}</span>
      <select value={String(at)} onChange={({ currentTarget }) => onChoose(Number(currentTarget.value))}>
        {table.value!.columns.map((name, i) => (
          <option key={name} value={String(i)}>
            {name || `column ${i + 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}

function Classes() {
  const { labels, rows, classes } = lines.value!;
  if (!classes) {
    return <p class="quiet">{plural(labels.length, "different label")}: the model learns to write them.</p>;
  }
  const [most] = labels;
  return (
    <>
      <table class="classes">
        <caption class="hidden">Rows of each class</caption>
        <tbody>
          {labels.slice(0, shownClasses).map(([label, count]) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td class="wide">
                <span class="bar">
                  <span style={{ width: `${(100 * count) / most![1]}%` }} />
                </span>
              </td>
              <td class="number">{count}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">
        {labels.length > shownClasses && `and ${plural(labels.length - shownClasses, "more class", "more classes")}. `}
        Always saying “{most![0]}” would be right in {shareText(most![1] / rows.length)} of the rows: what is learnt has
        to beat that.
      </p>
    </>
  );
}

export function Rows() {
  const found = lines.value;
  return (
    <section class="step" aria-labelledby="teach-rows">
      <h2 id="teach-rows">
        <span class="count">1</span> Rows
      </h2>
      {!isRunning.value && <Bring />}
      {found && table.value && (
        <>
          <p>
            <strong>{plural(found.rows.length, "row")}</strong>
            {source.value && <span class="quiet"> of {source.value}</span>}
          </p>
          <div class="actions">
            <ColumnPicker
              label="Text"
              at={columns.value.text}
              onChoose={(text) => (columns.value = { ...columns.value, text })}
            />
            <ColumnPicker
              label="Label"
              at={columns.value.label}
              onChoose={(label) => (columns.value = { ...columns.value, label })}
            />
          </div>
          {found.missing && <p class="warning">{found.missing}</p>}
          {found.labels.length > 0 && <Classes />}
          {found.doubts.map((doubt) => (
            <p key={doubt} class="warning">
              {doubt}
            </p>
          ))}
          {found.faults.length > 0 && (
            <details class="warning">
              <summary>{plural(found.faults.length, "row is", "rows are")} left out</summary>
              <ul>
                {found.faults.slice(0, 50).map((fault) => (
                  <li key={fault}>{fault}</li>
                ))}
              </ul>
            </details>
          )}
          <table class="preview">
            <caption class="hidden">The first rows</caption>
            <thead>
              <tr>
                <th scope="col">Text</th>
                <th scope="col">Label</th>
              </tr>
            </thead>
            <tbody>
              {found.rows.slice(0, shownRows).map(({ text, label }, i) => (
                <tr key={i}>
                  <td>{text}</td>
                  <td>{label}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      {!found && (
        <p class="quiet">
          <Icon name="check" /> They stay where they are taught: in this browser, or on this page's server.
        </p>
      )}
    </section>
  );
}
