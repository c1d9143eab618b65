/** Compare: the same prompt to two models, or two wordings to one, in step, differences marked. */
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { CopyAs } from "../../parts/copy-as.tsx";
import { Icon } from "../../parts/icon.tsx";
import { ModelPicker } from "../../parts/model-line.tsx";
import { plural, secondsText, shareText } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { type Answer, stopAll, textOf } from "../../parts/run.ts";
import { TextArea } from "../../parts/text-area.tsx";
import { route } from "../../state/route.ts";
import { models } from "../../state/session.ts";
import { drawing } from "../../state/settings.ts";
import { difference, type Part } from "./difference.ts";
import { compare, draft, inStep, modelOf, promptOf, running, runs, setDraft, takeLink, trouble } from "./state.ts";
import "./compare.css";

/** The mean probability of a token: how sure the model was of its own words. */
function sureness({ tokens }: Answer): string | undefined {
  const logprobs = tokens.flatMap(({ logprob }) => (logprob === undefined ? [] : [logprob]));
  if (logprobs.length === 0) return undefined;
  return `${shareText(Math.exp(logprobs.reduce((a, b) => a + b, 0) / logprobs.length))} a token`;
}

function Side({
  name,
  side,
  answer,
  parts,
}: {
  name: string;
  side: "left" | "right";
  answer: Answer;
  parts: readonly Part[];
}) {
  const facts = [
    answer.state === "running" ? "running" : answer.state === "stopped" ? "stopped" : undefined,
    plural(answer.tokens.length, "token"),
    secondsText(answer.seconds),
    sureness(answer),
  ].filter(Boolean);
  return (
    <section class="side" aria-label={`Answer of ${name}`} data-side={side} data-state={answer.state}>
      <h2>{name}</h2>
      <div class="answer-text">
        {parts.map(({ text, differs }, i) => (differs ? <mark key={`${i}-${text}`}>{text}</mark> : text))}
        {answer.state !== "running" && answer.tokens.length === 0 && !answer.problem && (
          <span class="quiet">ended without a word</span>
        )}
      </div>
      {answer.problem && <ProblemNote problem={answer.problem} />}
      <p class="facts-line">{facts.join(" · ")}</p>
    </section>
  );
}

function Answers() {
  if (!runs.value) return null;
  const [left, right] = inStep([runs.value[0].answer.value, runs.value[1].answer.value]);
  const texts = [textOf(left.tokens), textOf(right.tokens)] as const;
  const [first, second] = difference(...texts);
  const ended = left.state !== "running" && right.state !== "running";
  const equal = texts[0].trim() === texts[1].trim();
  const { rewording } = draft.value;
  const nameOf = (side: "left" | "right") =>
    `${modelOf(side)}${rewording ? (side === "left" ? ", first wording" : ", second wording") : ""}`;
  return (
    <>
      <div class="sides">
        <Side name={nameOf("left")} side="left" answer={left} parts={first} />
        <Side name={nameOf("right")} side="right" answer={right} parts={second} />
      </div>
      <p class="quiet" role="status">
        {ended && (equal ? "Both say the same." : "They differ where the text is marked.")}
      </p>
    </>
  );
}

export function Panel() {
  useEffect(takeLink, [route.value]);
  useCommands([{ title: "Run both", says: "compare", run: () => void compare() }]);
  const { prompt, other, rewording } = draft.value;
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void compare();
  };
  const alone = models.value.filter(({ can }) => can.includes("generate")).length < 2;
  return (
    <div class="compare">
      <h1>
        Compare <small>One prompt, two models; or one model, two wordings: how much hangs on them?</small>
      </h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void compare();
        }}
      >
        <div class="sides">
          <div class="side">
            <ModelPicker label="Left" value={modelOf("left")} onChoose={(left) => setDraft({ left })} />
            <TextArea
              id="compare-prompt"
              label="Prompt"
              rows={3}
              placeholder="Ask both something"
              autofocus
              value={prompt}
              onText={(text) => setDraft({ prompt: text })}
              onKeyDown={keys}
            />
          </div>
          <div class="side">
            <ModelPicker label="Right" value={modelOf("right")} onChoose={(right) => setDraft({ right })} />
            {rewording ? (
              <TextArea
                id="compare-other"
                label="The same in other words"
                rows={3}
                placeholder="The same in other words"
                value={other}
                onText={(text) => setDraft({ other: text })}
                onKeyDown={keys}
              />
            ) : (
              <p class="same-prompt quiet">
                {alone ? "There is one model here: ask it the same in other words." : "The same prompt."}
              </p>
            )}
          </div>
        </div>
        <div class="actions">
          <button
            type="button"
            class="quiet"
            aria-pressed={rewording}
            onClick={() => setDraft({ rewording: !rewording, other: other || prompt })}
          >
            Another wording
          </button>
          <CopyAs
            ask={{ model: modelOf("left"), prompt: { text: promptOf("left") }, settings: drawing.value }}
            panel="compare"
            shared={{ prompt, model: modelOf("left"), settings: drawing.value }}
          />
          {running.value ? (
            <button type="button" class="primary" title="Esc" onClick={() => stopAll()}>
              <Icon name="stop" />
              <span>Stop</span>
            </button>
          ) : (
            <button type="submit" class="primary" title="Ctrl-Enter">
              <Icon name="send" />
              <span>Run both</span>
            </button>
          )}
        </div>
      </form>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      <Answers />
    </div>
  );
}
