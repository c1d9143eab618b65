/** Look: a picture comes in, its classes with their shares, and where the model looked. */
import { useEffect, useRef } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { DropZone } from "../../parts/drop.tsx";
import { Icon } from "../../parts/icon.tsx";
import { secondsText, shareText } from "../../parts/numbers.ts";
import { ProblemNote } from "../../parts/problem.tsx";
import {
  busy,
  chooseModel,
  forget,
  type Given,
  giveModel,
  givePicture,
  model,
  onServer,
  overlaid,
  type Shown,
  shown,
  trouble,
} from "./state.ts";
import "./look.css";

/** What a person knows a model by. */
function about(now: Given): string {
  if ("onServer" in now) return "on this page's server: a picture is sent to it, and kept by nobody";
  const { type, classes, sides } = now;
  const known = classes > 0 ? `${classes.toLocaleString("en")} classes` : "no classes of its own";
  return [type, known, `sees ${sides.width} by ${sides.height} pixels`].join(" · ");
}

function Model() {
  const now = model.value;
  if (!now) {
    return (
      <div class="start">
        <p>
          No model that sees is built into this page: the one that is answers prompts. Give the folder of one and it is
          opened in this browser; nothing is sent anywhere. <code>google/vit-base-patch16-224</code> tells a thousand
          things apart; a model of your own classes is made by <code>zeroth vision finetune</code>.
        </p>
        {onServer.value.length > 0 && (
          <fieldset class="examples">
            <legend>On this page's server:</legend>
            {onServer.value.map((name) => (
              <button key={name} type="button" onClick={() => chooseModel(name)}>
                {name}
              </button>
            ))}
          </fieldset>
        )}
        <DropZone
          disabled={busy.value !== undefined}
          says="Drop the folder of a model that sees: ViT, ResNet, BiT or MLP-Mixer."
          choose={busy.value === "opening" ? "Opening…" : "Choose a model folder"}
          label="The folder of a model that sees"
          accept="folder"
          taken={giveModel}
        />
      </div>
    );
  }
  const warnings = "onServer" in now ? [] : now.warnings;
  return (
    <div class="model">
      <p>
        {now.name} <span class="quiet">{about(now)}</span>{" "}
        <button type="button" class="quiet" onClick={forget}>
          <Icon name="close" />
          <span>Take it away</span>
        </button>
      </p>
      {warnings.map((warning) => (
        <p key={warning} class="quiet">
          {warning}
        </p>
      ))}
    </div>
  );
}

function Overlay({ now }: { readonly now: Shown }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { overlay, way, of } = now.looked;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    context?.putImageData(new ImageData(overlay.data as never, overlay.width, overlay.height), 0, 0);
  }, [overlay, overlaid.value]);
  const says = way === "attention" ? "where its attention went" : `what speaks for or against "${of ?? ""}"`;
  return (
    <figure>
      {overlaid.value ? (
        <canvas
          ref={canvas}
          width={overlay.width}
          height={overlay.height}
          role="img"
          aria-label={`${now.name}: ${says}, bright and orange`}
        />
      ) : (
        <img src={now.address} alt={now.name} />
      )}
      <figcaption>
        <label>
          <input
            type="checkbox"
            checked={overlaid.value}
            onChange={({ currentTarget }) => {
              overlaid.value = currentTarget.checked;
            }}
          />
          <span>Show {says}</span>
        </label>
      </figcaption>
    </figure>
  );
}

function Labels({ now }: { readonly now: Shown }) {
  const { labels, width, height } = now.looked;
  return (
    <div class="choices">
      {labels.length > 0 ? (
        <table>
          <caption class="hidden">How likely each class is</caption>
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col" class="wide">
                Share
              </th>
            </tr>
          </thead>
          <tbody>
            {labels.map(({ label, score }, i) => (
              <tr key={label} class={i === 0 ? "best" : ""}>
                <th scope="row">{label}</th>
                <td class="wide">
                  <div>
                    <span class="bar">
                      <span style={{ width: `${Math.min(100, Math.max(0, 100 * score))}%` }} />
                    </span>
                    <span class="number">{shareText(score)}</span>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p>This model has no classes: it gives vectors, and can learn classes of yours (zeroth vision finetune).</p>
      )}
      <p class="quiet">
        {now.name}: {width} by {height} pixels, {secondsText(now.seconds)}
      </p>
    </div>
  );
}

export function Panel() {
  const now = shown.value;
  useCommands(model.value ? [{ title: "Take the model that sees away", run: forget }] : []);
  return (
    <div class="look" aria-busy={busy.value !== undefined}>
      <h1>
        Look{" "}
        <small>
          {model.value && "onServer" in model.value
            ? "Pictures of yours, looked at by this page's server."
            : "Pictures of yours, looked at in this browser: they are sent nowhere."}
        </small>
      </h1>
      {trouble.value && <ProblemNote problem={trouble.value} />}
      <Model />
      {model.value && (
        <DropZone
          disabled={busy.value !== undefined}
          says="Drop a picture here."
          choose={busy.value === "looking" ? "Looking…" : "Choose a picture"}
          label="A picture"
          accept="image/*"
          taken={([file]) => givePicture(file)}
        />
      )}
      <div role="status" class="result">
        {now && (
          <>
            <Overlay now={now} />
            <Labels now={now} />
          </>
        )}
      </div>
    </div>
  );
}
