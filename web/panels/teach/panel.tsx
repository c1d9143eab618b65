/** Teach: rows of one's own, a lesson that is seen as it goes, and what has come of it beside the model as it was. */
import { useEffect } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import { client } from "../../state/session.ts";
import { Course } from "./course.tsx";
import { examples } from "./examples.ts";
import { Rows } from "./rows.tsx";
import { askServer, finish, isRunning, pause, place, readTaught, start, takeExample, trouble } from "./state.ts";
import { TryOut } from "./tryout.tsx";
import "./teach.css";

export function Panel() {
  useEffect(() => void askServer(), [client.value]);
  useEffect(() => void readTaught(), [place.value]);
  useCommands([
    ...(isRunning.value
      ? [
          { title: "Pause the lesson", run: pause },
          { title: "Enough: keep what was learnt", run: finish },
        ]
      : [{ title: "Teach it", says: "begin the lesson", run: () => void start() }]),
    ...examples.map((example) => ({
      title: `Example: ${example.title}`,
      says: example.says,
      run: () => void takeExample(example),
    })),
  ]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Ctrl-Enter does what the button does
    <div
      class="teach"
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
        event.preventDefault();
        void start();
      }}
    >
      <h1>
        Teach{" "}
        <small>
          Show a model a few dozen rows of yours, and it learns to sort texts as they are sorted there. The model stays
          as it is; what is learnt lies beside it.
        </small>
      </h1>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      <div class="steps">
        <Rows />
        <Course />
        <TryOut />
      </div>
    </div>
  );
}
