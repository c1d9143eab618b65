/** Which column is what, and which of the two questions is asked. */
import { useState } from "preact/hooks";
import { countText } from "../../../src/study/results.ts";
import type { StudyQuestion, WorthQuestion } from "./ask.ts";
import { answer, change, choose, columns } from "./state.ts";

const kinds = { law: "Is more pre-training worth it?", worth: "A bigger model, or more labels?" } as const;

interface PickProps {
  readonly label: string;
  readonly value: string;
  readonly none?: string;
  readonly set: (column: string) => void;
}

function Pick({ label, value, none, set }: PickProps) {
  return (
    <label class="picker">
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {columns.value.map((column) => (
          <option key={column} value={column}>
            {column}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What labels and the bigger model cost, from a place of the grid. */
function Advise({ question }: { readonly question: WorthQuestion }) {
  const [size, setSize] = useState("");
  const [labels, setLabels] = useState("");
  const [costs, setCosts] = useState({ label: "0.2", growth: "60", testItems: "1000" });
  const measured = answer.value?.measured;
  if (!measured) return null;
  const numbers = [
    ["label", "one more label"],
    ["growth", "the bigger model"],
    ["testItems", "test items"],
  ] as const;
  const place = { size: Number(size || measured.sizes[0]), labels: Number(labels || measured.labels[0]) };
  const submit = () =>
    change({
      ...question,
      next: {
        place,
        costs: { label: Number(costs.label), growth: Number(costs.growth), testItems: Number(costs.testItems) },
      },
    });
  return (
    <form
      class="advise"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label class="picker">
        <span>I have</span>
        <select
          aria-label="Size now"
          value={String(place.size)}
          onChange={({ currentTarget }) => setSize(currentTarget.value)}
        >
          {measured.sizes.map((one) => (
            <option key={one} value={one}>
              {countText(one)}
            </option>
          ))}
        </select>
      </label>
      <label class="picker">
        <span>with</span>
        <select
          aria-label="Labels now"
          value={String(place.labels)}
          onChange={({ currentTarget }) => setLabels(currentTarget.value)}
        >
          {measured.labels.map((one) => (
            <option key={one} value={one}>
              {one} labels
            </option>
          ))}
        </select>
      </label>
      {numbers.map(([name, says]) => (
        <label class="picker" key={name}>
          <span>{name === "testItems" ? says : `cost of ${says}`}</span>
          <input
            type="number"
            min={name === "testItems" ? 1 : 0}
            step="any"
            required
            value={costs[name]}
            onInput={({ currentTarget }) => setCosts({ ...costs, [name]: currentTarget.value })}
          />
        </label>
      ))}
      <button type="submit" class="primary">
        Advise
      </button>
    </form>
  );
}

export function QuestionForm({ question }: { readonly question: StudyQuestion }) {
  const { kind, group, percent } = question;
  return (
    <div class="study-question">
      <fieldset class="kinds">
        <legend class="hidden">Question</legend>
        {Object.entries(kinds).map(([name, says]) => (
          <label key={name}>
            <input
              type="radio"
              name="study-kind"
              checked={kind === name}
              onChange={() => choose(name as keyof typeof kinds)}
            />{" "}
            {says}
          </label>
        ))}
      </fieldset>
      <div class="actions">
        {question.kind === "law" ? (
          <>
            <Pick label="Upstream" value={question.us} set={(us) => change({ us })} />
            <Pick label="Downstream" value={question.ds} set={(ds) => change({ ds })} />
            <Pick label="One training" none="each row" value={question.run} set={(run) => change({ run })} />
          </>
        ) : (
          <>
            <Pick label="Size" value={question.size} set={(size) => change({ size })} />
            <Pick label="Labels" value={question.labels} set={(labels) => change({ labels })} />
            <Pick label="Score" value={question.score} set={(score) => change({ score })} />
          </>
        )}
        <Pick label="Apart by" none="nothing" value={group} set={(to) => change({ group: to })} />
        <label>
          <input
            type="checkbox"
            checked={percent}
            onChange={({ currentTarget }) => change({ percent: currentTarget.checked })}
          />{" "}
          in percent
        </label>
      </div>
      {question.kind === "worth" && <Advise question={question} />}
    </div>
  );
}
