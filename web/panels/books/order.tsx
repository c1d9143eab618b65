/** A book before it begins: who writes, of what, and what it will take. */
import { CopyForms } from "../../parts/copy-as.tsx";
import { countText, plural, secondsText } from "../../parts/numbers.ts";
import { client, root } from "../../state/session.ts";
import { bookCode } from "./code.ts";
import { begin, changeOrder, estimate, estimating, given, place, rules, writers } from "./state.ts";

const ruleSays: Readonly<Record<string, string>> = {
  extractive: "extractive: its most typical sentences",
  lead: "lead: the first sentences of every part",
};

function Estimate() {
  const now = estimate.value;
  if (estimating.value) return <p class="quiet">Reading and counting…</p>;
  if (!now) return null;
  const { calls, inputTokens, outputTokens, seconds, heights, trimmed, title } = now;
  const time =
    seconds === null
      ? "time unknown: this model was not measured here yet"
      : seconds === 0
        ? "seconds"
        : `about ${secondsText(seconds)}`;
  return (
    <div class="estimate">
      {title && <p class="title">{title}</p>}
      <dl>
        <dt>Calls</dt>
        <dd>
          {countText(calls)} <span class="quiet">{heights.map(countText).join(" → ")}</span>
        </dd>
        <dt>Tokens</dt>
        <dd>
          {countText(inputTokens)} read, {countText(outputTokens)} written
        </dd>
        <dt>Time</dt>
        <dd>{time}</dd>
      </dl>
      {trimmed.map(({ start, end, why }) => (
        <p key={start} class="quiet">
          Left out: {why}, {plural(end - start, "character")}.
        </p>
      ))}
    </div>
  );
}

export function Order() {
  const { name, order } = given.value!;
  const address = client.value?.where === "server" ? root : "http://127.0.0.1:8080/";
  const shared = { model: order.model, ...(order.question && { prompt: order.question }) };
  const isRule = rules.some((rule) => rule === order.model);
  return (
    <section class="order" aria-labelledby="order-title">
      <h2 id="order-title">{name}</h2>
      <div class="choices-line">
        <label class="picker">
          <span>Written by</span>
          <select value={order.model} onChange={({ currentTarget }) => changeOrder({ model: currentTarget.value })}>
            {writers.value.map((one) => (
              <option key={one} value={one}>
                {ruleSays[one] ?? one}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={order.by === "chapter"}
            onChange={({ currentTarget }) => changeOrder({ by: currentTarget.checked ? "chapter" : undefined })}
          />
          <span>A summary for each chapter</span>
        </label>
      </div>
      <details>
        <summary>More</summary>
        <div class="more-order">
          <label class="field">
            <span>Only what stands before this heading</span>
            <input
              type="text"
              value={order.until ?? ""}
              placeholder="Chapter 9"
              onChange={({ currentTarget }) => changeOrder({ until: currentTarget.value.trim() })}
            />
          </label>
          {!isRule && (
            <label class="field">
              <span>A question for the whole book</span>
              <input
                type="text"
                value={order.question ?? ""}
                onChange={({ currentTarget }) => changeOrder({ question: currentTarget.value.trim() })}
              />
            </label>
          )}
          <label class="field">
            <span>Tokens of a part</span>
            <input
              {...{ type: "number", min: 20, max: 100_000, step: 10, placeholder: "600" }}
              value={order.leafTokens ?? ""}
              onChange={({ currentTarget }) =>
                changeOrder({ leafTokens: currentTarget.value === "" ? undefined : Number(currentTarget.value) })
              }
            />
          </label>
          <label class="field">
            <span>Another sectioning</span>
            <input
              {...{ type: "number", min: 0, max: 1_000_000, placeholder: "0" }}
              value={order.seed ?? ""}
              onChange={({ currentTarget }) =>
                changeOrder({ seed: currentTarget.value === "" ? undefined : Number(currentTarget.value) })
              }
            />
          </label>
        </div>
      </details>
      <div role="status">
        <Estimate />
      </div>
      {isRule && place.value === "server" && (
        <p class="quiet">A rule copies sentences and understands none; it is what a model has to beat.</p>
      )}
      <div class="actions">
        <button type="button" class="primary" disabled={!estimate.value} onClick={() => void begin()}>
          Summarise it
        </button>
        <CopyForms
          code={(form) => bookCode(form, { name, order, address })}
          panel="books"
          shared={shared}
          holds="the model and the question"
        />
      </div>
    </section>
  );
}
