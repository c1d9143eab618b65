/** The answer: as text or as its tokens, with its branches, or choices as bars. */
import { useEffect, useState } from "preact/hooks";
import { ChoiceBars, sharesOf } from "../../parts/bars.tsx";
import { CopyAs, copy } from "../../parts/copy-as.tsx";
import { Icon } from "../../parts/icon.tsx";
import { plural, secondsText, shareText } from "../../parts/numbers.ts";
import { textOf } from "../../parts/run.ts";
import { Tokens } from "../../parts/tokens.tsx";
import { Walker } from "../../parts/walker.tsx";
import { drawing, tinted } from "../../state/settings.ts";
import { type Asked, again, asked, type Branch, goOn, running, walk } from "./state.ts";

/** What is read aloud: the whole answer once it is there, not each token. */
function spokenOf(entry: Asked | undefined, isRunning: boolean): string {
  if (!entry || isRunning) return "";
  if (entry.scores) {
    const shares = sharesOf(entry.scores);
    const best = shares.indexOf(Math.max(...shares));
    return `Most likely: ${entry.scores[best]!.text}, ${shareText(shares[best]!)}`;
  }
  const branch = entry.branches[entry.at];
  return branch ? `Answer: ${textOf(branch.answer.tokens) || "nothing"}` : "";
}

function facts({ answer }: Branch): string {
  const { tokens, state, finish, seconds, promptTokens } = answer;
  if (state === "running") return tokens.length === 0 ? "reading" : `${plural(tokens.length, "token")} so far`;
  const ended =
    state === "stopped"
      ? "stopped"
      : finish === "length"
        ? "cut at the longest answer: Settings has it"
        : "ended by itself";
  return [
    plural(tokens.length, "token"),
    secondsText(seconds),
    promptTokens !== undefined && `${promptTokens} in the prompt`,
    ended,
  ]
    .filter(Boolean)
    .join(" · ");
}

export function AnswerBox() {
  const entry = asked.value;
  const branch = entry?.branches[entry.at];
  const [spoken, setSpoken] = useState("");
  useEffect(() => setSpoken(spokenOf(entry, running.value)), [entry, running.value]);
  const tellable = branch?.answer.tokens.some(({ logprob }) => logprob !== undefined) ?? false;
  const text = branch ? textOf(branch.answer.tokens) : "";
  const shared = entry && {
    ...{ prompt: entry.prompt, choices: entry.choices.join("\n"), model: entry.model, settings: drawing.value },
  };
  return (
    <section class="answer" aria-label="Answer" aria-busy={running.value} data-state={branch?.answer.state}>
      <p class="hidden" role="status">
        {spoken}
      </p>
      {running.value && !branch && <p class="quiet">weighing…</p>}
      {entry?.scores && <ChoiceBars scores={entry.scores} />}
      {branch && (
        <>
          {tinted.value && tellable ? (
            <Tokens tokens={branch.answer.tokens} onPick={goOn} />
          ) : (
            <div class="answer-text">{text}</div>
          )}
          {text === "" && branch.answer.state !== "running" && (
            <p class="quiet">The model ended without a word. Other wordings may have it say more.</p>
          )}
          {branch.answer.notes?.map((note) => (
            <p key={note} class="quiet">
              {note}
            </p>
          ))}
          <div class="facts-line">
            <Walker at={entry!.at} count={entry!.branches.length} of="the answer" onWalk={walk} />
            <span>{facts(branch)}</span>
          </div>
        </>
      )}
      {entry && shared && !running.value && (
        <div class="actions">
          {branch && (
            <>
              <button
                type="button"
                class="quiet"
                aria-pressed={tinted.value}
                onClick={() => (tinted.value = !tinted.value)}
              >
                How sure
              </button>
              <button type="button" class="quiet" onClick={again}>
                <Icon name="again" />
                <span>Again</span>
              </button>
              <button type="button" class="quiet" onClick={() => copy(text, "Answer")}>
                <Icon name="copy" />
                <span>Copy</span>
              </button>
            </>
          )}
          <CopyAs
            ask={{ model: entry.model, prompt: { text: entry.prompt }, settings: drawing.value }}
            choices={entry.choices}
            panel="ask"
            shared={shared}
          />
        </div>
      )}
      {tinted.value && tellable && !running.value && (
        <p class="legend" aria-hidden="true">
          <span class="token tint-0">sure</span>
          <span class="token tint-2">less</span>
          <span class="token tint-4">unsure</span>
          <span class="token tint-6">a guess</span>
          <span>Point at a word to see what else was likely; click one to go on from there.</span>
        </p>
      )}
    </section>
  );
}
