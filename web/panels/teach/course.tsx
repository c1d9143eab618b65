/** The second column: which model, how, and the lesson while it goes. */
import { Icon } from "../../parts/icon.tsx";
import { plural, shareText } from "../../parts/numbers.ts";
import { Places } from "../../parts/places.tsx";
import { Curve } from "./curve.tsx";
import {
  base,
  bases,
  bestOf,
  type Choices,
  choices,
  chooseBase,
  choosePlace,
  drop,
  finish,
  goOn,
  isRunning,
  type LessonState,
  lesson,
  lines,
  name,
  pause,
  place,
  serverTrouble,
  start,
} from "./state.ts";

const methods = [
  ["p-tuning-v2", "Deep prompt", "A few vectors in every layer of the frozen model: the usual choice for sorting."],
  ["lora", "Small changes beside its weights (LoRA)", "More numbers; on a very small model often as good."],
  ["prompt", "A prompt before the text alone", "The smallest; weak on small models."],
] as const;

const set = (change: Partial<Choices>): void => {
  choices.value = { ...choices.value, ...change };
};

/** A number of one's own; empty leaves it to the page. */
function NumberField(props: {
  readonly label: string;
  readonly value: number | undefined;
  readonly usual?: string;
  readonly min: number;
  readonly max: number;
  readonly step: number | "any";
  onNumber(value: number | undefined): void;
}) {
  const { label, value, usual = "", onNumber, ...limits } = props;
  return (
    <label class="number-field">
      <span>{label}</span>
      <input
        type="number"
        {...limits}
        value={value ?? ""}
        placeholder={usual}
        onInput={({ currentTarget: { value: text, valueAsNumber } }) => {
          if (text === "") onNumber(undefined);
          else if (valueAsNumber >= limits.min && valueAsNumber <= limits.max) onNumber(valueAsNumber);
        }}
      />
    </label>
  );
}

function Form() {
  const { method, epochs, held, rate, length } = choices.value;
  const chosen = methods.find(([id]) => id === method)!;
  return (
    <form
      class="lesson-form"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <Places legend="Taught" name="place" place={place.value} trouble={serverTrouble.value} choose={choosePlace} />
      <label class="picker">
        <span>Model</span>
        <select value={base.value?.id} onChange={({ currentTarget }) => chooseBase(currentTarget.value)}>
          {bases.value.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
          {bases.value.length === 0 && <option value="">none yet</option>}
        </select>
      </label>
      <label class="picker">
        <span>How</span>
        <select
          value={method}
          aria-describedby="method-says"
          onChange={({ currentTarget }) => set({ method: currentTarget.value as Choices["method"] })}
        >
          {methods.map(([id, title]) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <p class="quiet" id="method-says">
        {chosen[2]} The model itself stays as it is.
      </p>
      <details>
        <summary>More</summary>
        <div class="numbers">
          <label class="number-field wide">
            <span>Called</span>
            <input type="text" value={name.value} onInput={({ currentTarget }) => (name.value = currentTarget.value)} />
          </label>
          <NumberField
            label="Rounds through the rows"
            value={epochs}
            {...{ min: 1, max: 500, step: 1 }}
            onNumber={(value) => set({ epochs: value ?? 15 })}
          />
          <NumberField
            label="Percent of rows to judge by"
            value={Math.round(100 * held)}
            {...{ min: 5, max: 60, step: 5 }}
            onNumber={(value) => set({ held: (value ?? 20) / 100 })}
          />
          <NumberField
            label="Learning rate"
            value={rate}
            usual="by the method"
            {...{ min: 1e-6, max: 1, step: "any" }}
            onNumber={(value) => {
              const { rate: _, ...rest } = choices.value;
              choices.value = value === undefined ? rest : { ...rest, rate: value };
            }}
          />
          {method !== "lora" && (
            <NumberField
              label="Vectors"
              value={length}
              usual="by the method"
              {...{ min: 1, max: 200, step: 1 }}
              onNumber={(value) => {
                const { length: _, ...rest } = choices.value;
                choices.value = value === undefined ? rest : { ...rest, length: value };
              }}
            />
          )}
        </div>
      </details>
      <button type="submit" class="primary" title="Ctrl-Enter" disabled={!lines.value || !!lines.value.missing}>
        <Icon name="teach" />
        <span>Teach it</span>
      </button>
      {!lines.value && <p class="quiet">Rows first: a table of yours, or the example.</p>}
    </form>
  );
}

function factsOf({ counted, held, losses, steps, state }: LessonState): string {
  const done = losses.at(-1)?.step ?? 0;
  const share = counted && (100 * counted.trained) / counted.parameters;
  return [
    state === "opening" ? "opening the model" : steps === undefined ? "" : `step ${done} of ${steps}`,
    share === undefined
      ? ""
      : `${counted!.trained.toLocaleString("en")} numbers learnt, ${share.toPrecision(2)} % of the model`,
    held ? `judged by ${plural(held, "row")} it does not learn from` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

const endings: Readonly<Partial<Record<LessonState["state"], string>>> = {
  done: "Taught.",
  stopped: "Stopped; nothing was kept.",
  failed: "It did not work.",
  paused: "Paused: it goes on where it is.",
  ending: "Ending after the running step.",
};

function verdict(now: LessonState): string {
  const best = bestOf(now);
  if (now.state !== "done" || !best) return endings[now.state] ?? "";
  if (best.metric === "log_likelihood") return "Taught.";
  const right = `Taught: right in ${shareText(best.value)} of rows it had not seen`;
  const { majority } = now;
  if (majority === undefined) return `${right}.`;
  return best.value > majority + 0.02
    ? `${right}; always saying the same would be right in ${shareText(majority)}.`
    : `${right}, no better than always saying the same (${shareText(majority)}). More rows, more rounds or another learning rate may help.`;
}

function Lesson({ now }: { readonly now: LessonState }) {
  const { state, steps, losses, samples, warnings } = now;
  return (
    <div class="lesson" data-state={state}>
      {isRunning.value && (
        <>
          <progress aria-label="The lesson" {...(steps && { value: losses.at(-1)?.step ?? 0, max: steps })} />
          <div class="actions">
            {state === "paused" ? (
              <button type="button" onClick={goOn}>
                <Icon name="right" />
                <span>Go on</span>
              </button>
            ) : (
              <button type="button" disabled={state !== "running"} onClick={pause}>
                <Icon name="pause" />
                <span>Pause</span>
              </button>
            )}
            <button type="button" disabled={state === "opening" || state === "ending"} onClick={finish}>
              <Icon name="check" />
              <span>Enough: keep it</span>
            </button>
            <button type="button" class="quiet" onClick={drop}>
              <Icon name="stop" />
              <span>Stop</span>
            </button>
          </div>
        </>
      )}
      <p class="verdict" role="status">
        {verdict(now)}
      </p>
      <p class="quiet">{factsOf(now)}</p>
      {losses.length > 0 && <Curve lesson={now} />}
      {warnings.map((text) => (
        <p key={text} class="warning">
          {text}
        </p>
      ))}
      {samples.length > 0 && (
        <table class="preview samples">
          <caption>Rows it does not learn from, and what it says now</caption>
          <thead>
            <tr>
              <th scope="col">Text</th>
              <th scope="col">It says</th>
            </tr>
          </thead>
          <tbody>
            {samples.map(({ text, wanted, said }) => (
              <tr key={text}>
                <td>{text}</td>
                <td class={said === wanted ? "right" : "wrong"}>
                  {said || "nothing"}
                  <span class="quiet">{said === wanted ? " right" : ` not ${wanted}`}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

export function Course() {
  return (
    <section class="step" aria-labelledby="teach-lesson">
      <h2 id="teach-lesson">
        <span class="count">2</span> Teach
      </h2>
      {!isRunning.value && <Form />}
      {lesson.value && <Lesson now={lesson.value} />}
    </section>
  );
}
