/** Ask: a prompt, its answer, and what else was likely. */
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { aboutModel } from "../../parts/model-line.tsx";
import { ProblemNote } from "../../parts/problem.tsx";
import { route } from "../../state/route.ts";
import { client, model } from "../../state/session.ts";
import { tinted } from "../../state/settings.ts";
import { AnswerBox } from "./answer.tsx";
import { Earlier } from "./earlier.tsx";
import { AskForm } from "./form.tsx";
import { again, anew, ask, asked, readEarlier, setDraft, takeLink, trouble } from "./state.ts";
import "./ask.css";

export function Panel() {
  useEffect(() => void readEarlier(), []);
  useEffect(takeLink, [route.value]);
  useCommands([
    { title: "Run", says: "answer the prompt", run: () => void ask() },
    { title: "Answer again", run: again },
    { title: "New question", run: anew },
    { title: "Choose among answers", run: () => setDraft({ choosing: true }) },
    { title: "Tint by probability", says: "show how sure the model was", run: () => (tinted.value = !tinted.value) },
  ]);
  const empty = !asked.value && !trouble.value;
  return (
    <div class={`ask columns${empty ? " empty" : ""}`}>
      <div class="main-column">
        <h1>Ask {model.value && <small class="about">{aboutModel(model.value)}</small>}</h1>
        <AskForm />
        {trouble.value && <ProblemNote problem={trouble.value} />}
        <AnswerBox />
        {empty && client.value && (
          <p class="quiet">
            {client.value.where === "browser"
              ? "The model runs in this page, also without a network."
              : "The model runs on the server this page came from."}{" "}
            Nothing you type is sent anywhere else.
          </p>
        )}
      </div>
      <Earlier />
    </div>
  );
}
