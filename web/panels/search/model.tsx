/** The model whose vectors find passages by their meaning: given as a folder, for nothing is downloaded in a browser. */
import { useRef, useState } from "preact/hooks";
import { Icon } from "../../parts/icon.tsx";
import { plural } from "../../parts/numbers.ts";
import { dropModel, giveModel, library, modelAt, place, searcher } from "./state.ts";

function Give() {
  const [naming, setNaming] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <p class="quiet">
        Now words are searched. With a model that gives vectors, passages are found that say it in other words: the
        folder of <code>all-MiniLM-L6-v2</code>, for example, which <code>zeroth pull</code> brings.
      </p>
      <div class="actions">
        <button type="button" onClick={() => picker.current?.click()}>
          Choose a model folder
        </button>
        <button type="button" class="quiet" aria-expanded={naming} onClick={() => setNaming(!naming)}>
          One beside this page
        </button>
      </div>
      <input
        {...{ ref: picker, type: "file", multiple: true, class: "hidden", tabIndex: -1, webkitdirectory: true }}
        aria-label="The folder of a model that gives vectors"
        onChange={({ currentTarget }) => {
          void giveModel([...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
      {naming && (
        <form
          class="inline"
          onSubmit={(event) => {
            event.preventDefault();
            const path = new FormData(event.currentTarget).get("path");
            if (typeof path === "string" && path.trim()) void modelAt(path.trim());
          }}
        >
          <input
            type="text"
            name="path"
            aria-label="Folder below this page's address"
            placeholder="models/all-MiniLM-L6-v2"
          />
          <button type="submit">Open</button>
        </form>
      )}
    </>
  );
}

export function Model() {
  const { model, embedded, passages } = library.value;
  if (place.value === "server") {
    return model ? <p class="quiet">Vectors are made by {model.name}.</p> : null;
  }
  if (!searcher.value.models) return null;
  return (
    <section class="vector-model" aria-labelledby="model-title" data-state={model?.state ?? "none"}>
      <h3 id="model-title">By meaning</h3>
      {model ? (
        <>
          <p>
            {model.name}{" "}
            <span class="quiet">
              {model.state === "ready"
                ? [
                    `${model.width} numbers a passage`,
                    model.longest === undefined ? "" : `passages of up to ${model.longest} tokens`,
                    embedded < passages
                      ? `${embedded} of ${plural(passages, "passage")} have them`
                      : "all passages have them",
                  ]
                    .filter(Boolean)
                    .join(" · ")
                : { waiting: "not open yet", opening: "is being opened", failed: "" }[model.state]}
            </span>
          </p>
          {model.problem && <p class="warning">{model.problem}</p>}
          <button type="button" class="quiet" onClick={() => void dropModel()}>
            <Icon name="close" />
            <span>Without it</span>
          </button>
        </>
      ) : (
        <Give />
      )}
    </section>
  );
}
