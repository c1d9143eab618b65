/** The digest that is shown: growth, papers, what came close, what was left out, and the forms it can be had in. */

import { authorsLine, reasonsLine } from "../../../src/digest/render/words.ts";
import { type Form, feedAddress, feeds, forms } from "../../client/digests.ts";
import { copy } from "../../parts/copy-as.tsx";
import { download } from "../../parts/download.ts";
import { Icon } from "../../parts/icon.tsx";
import { Menu } from "../../parts/menu.tsx";
import { plural } from "../../parts/numbers.ts";
import { root } from "../../state/session.ts";
import { Out, Paper } from "./paper.tsx";
import { card, digest, doing, isEdited, leftOut, remake, server, takeIn, undoAll } from "./state.ts";

const save = (id: string, name: string, form: Form): Promise<void> =>
  doing(async () => download(`${name}.${forms[form].ending}`, [await server.read(id, form)], forms[form].type));

function Forms() {
  const { id, group, month } = card.value!;
  return (
    <div class="actions">
      <Menu label="Save as" icon="save">
        {(Object.keys(forms) as Form[]).map((form) => (
          <button key={form} type="button" onClick={() => void save(id, `digest-${month}`, form)}>
            {forms[form].title}
          </button>
        ))}
      </Menu>
      <Menu label="Feeds" icon="share">
        {(Object.keys(feeds) as (keyof typeof feeds)[]).map((form) => (
          <button
            key={form}
            type="button"
            title={feedAddress(root, form, group)}
            onClick={() => void copy(feedAddress(root, form, group), `Address of the ${feeds[form]} feed`)}
          >
            Copy {feeds[form]}
          </button>
        ))}
      </Menu>
      <button
        type="button"
        class="quiet"
        onClick={() => void remake(id)}
        title="From what the store has now; your changes stay"
      >
        <Icon name="again" />
        <span>Make it again</span>
      </button>
      {isEdited.value && (
        <button type="button" class="quiet" onClick={undoAll}>
          Undo all changes
        </button>
      )}
    </div>
  );
}

/** The chart is a picture here: whatever is in it, nothing of it runs. */
const picture = (svg: string): string => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;

export function Issue() {
  const now = digest.value;
  if (!now) return null;
  return (
    <section class="issue" aria-labelledby="issue-title">
      <h2 id="issue-title">{now.title}</h2>
      <Forms />
      <p>{now.growth}</p>
      {now.intro.map((line) => (
        <p key={line}>{line}</p>
      ))}
      <img class="growth" src={picture(now.chart)} alt={now.growth} width="760" height="400" />
      <details class="notes" open={now.items.length < 4}>
        <summary>What this choice rests on</summary>
        {now.notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
      </details>
      {now.items.map((item, i) => (
        <Paper key={item.id} item={item} last={i === now.items.length - 1} />
      ))}
      {now.items.length === 0 && <p class="quiet">All papers are left out.</p>}
      {now.nearMisses.length > 0 && (
        <div class="misses">
          <h3>
            What came close <small>{plural(now.nearMisses.length, "paper")}</small>
          </h3>
          <ul>
            {now.nearMisses.map((miss) => (
              <li key={miss.id} data-miss={miss.id}>
                <span>
                  <Out to={miss.link}>{miss.title}</Out>{" "}
                  <small>
                    {authorsLine(miss.authors)} · {reasonsLine(miss)}
                  </small>
                </span>
                {miss.source !== undefined && (
                  <button type="button" onClick={() => takeIn(miss.id)} aria-label={`Take in: ${miss.title}`}>
                    Take in
                  </button>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
      {leftOut.value.length > 0 && (
        <div class="misses">
          <h3>Left out by you</h3>
          <ul>
            {leftOut.value.map(({ id, title }) => (
              <li key={id}>
                <span>{title}</span>
                <button type="button" onClick={() => takeIn(id)} aria-label={`Back in: ${title}`}>
                  Back in
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      <p class="quiet">
        {now.writer
          ? `Written by ${now.writer}; sentences were checked for numbers and names.`
          : "All sentences are the abstracts' own."}{" "}
        Press a sentence to see where it stands.
      </p>
    </section>
  );
}
