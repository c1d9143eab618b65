/** Settings: how answers are drawn, how the page looks, where things run and lie, and forgetting them. */
import { useEffect, useState } from "preact/hooks";
import { useCommands } from "../../app/commands.ts";
import { bytesText } from "../../parts/numbers.ts";
import { forgetEverything, keptBytes } from "../../state/kept.ts";
import { client, hasServer, refresh, root, where } from "../../state/session.ts";
import {
  drawing,
  type SettingRow,
  serverKey,
  setDrawing,
  settingRows,
  type Theme,
  theme,
} from "../../state/settings.ts";
import "./settings.css";

function Setting({ row }: { readonly row: SettingRow }) {
  const { name, title, says, min, max, step, usual, draws } = row;
  const value = drawing.value[name];
  const idle = draws && !drawing.value.temperature;
  return (
    <div class="setting">
      <label for={name}>{title}</label>
      <input
        id={name}
        type="number"
        {...{ min, max, step }}
        placeholder={usual}
        aria-describedby={`${name}-says`}
        value={value ?? ""}
        onChange={({ currentTarget }) => {
          const number = currentTarget.valueAsNumber;
          setDrawing(name, Number.isNaN(number) ? undefined : Math.min(max, Math.max(min, number)));
        }}
      />
      <p id={`${name}-says`} class="quiet">
        {says}
        {idle && " Of no effect while the temperature is 0."}
      </p>
    </div>
  );
}

const themes: readonly (readonly [Theme, string])[] = [
  ["system", "as the system"],
  ["light", "light"],
  ["dark", "dark"],
];

function Choice<T extends string>(props: {
  readonly title: string;
  readonly name: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  onChoose(value: T): void;
}) {
  const { title, name, value, options, onChoose } = props;
  return (
    <fieldset class="choice">
      <legend>{title}</legend>
      {options.map(([option, says]) => (
        <label key={option}>
          <input type="radio" name={name} checked={value === option} onChange={() => onChoose(option)} />
          {says}
        </label>
      ))}
    </fieldset>
  );
}

function Key() {
  const [key, setKey] = useState(serverKey.read());
  return (
    <div class="setting">
      <label for="key">Key of the server</label>
      <input
        id="key"
        type="password"
        autocomplete="off"
        placeholder="none"
        value={key}
        onInput={({ currentTarget }) => setKey(currentTarget.value)}
        onChange={() => {
          serverKey.write(key.trim());
          void refresh();
        }}
      />
      <p class="quiet">Where the server asks for one. It stays in this tab and is in no link.</p>
    </div>
  );
}

function Forget() {
  const [sure, setSure] = useState(false);
  const [bytes, setBytes] = useState<number | undefined>();
  useEffect(() => void keptBytes().then(setBytes), []);
  const forget = async () => {
    await forgetEverything();
    location.replace(root);
  };
  return (
    <>
      <p>
        What you asked, what was answered and these settings lie in this browser alone
        {bytes !== undefined && `: ${bytesText(bytes)} with the copies of the page for use without a network`}.
      </p>
      <div class="actions">
        {sure ? (
          <>
            <button type="button" class="danger" onClick={forget}>
              Yes, forget everything
            </button>
            <button type="button" class="quiet" onClick={() => setSure(false)}>
              Keep it
            </button>
          </>
        ) : (
          <button type="button" onClick={() => setSure(true)}>
            Forget everything
          </button>
        )}
      </div>
    </>
  );
}

export function Panel() {
  useCommands([{ title: "The model's own settings", run: () => (drawing.value = {}) }]);
  const now = client.value?.where ?? "browser";
  return (
    <div class="page settings-page">
      <h1>Settings</h1>
      <section aria-labelledby="drawing">
        <h2 id="drawing">How answers are drawn</h2>
        <div class="settings-list">
          {settingRows.map((row) => (
            <Setting key={row.name} row={row} />
          ))}
        </div>
        {Object.keys(drawing.value).length > 0 && (
          <button type="button" class="quiet" onClick={() => (drawing.value = {})}>
            All as usual
          </button>
        )}
      </section>
      <section aria-labelledby="looks">
        <h2 id="looks">Looks</h2>
        <Choice
          title="Theme"
          name="theme"
          value={theme.value}
          options={themes}
          onChoose={(value) => (theme.value = value)}
        />
      </section>
      {hasServer.value && (
        <section aria-labelledby="place">
          <h2 id="place">Where models run</h2>
          <Choice
            title="Place"
            name="where"
            value={now}
            options={[
              ["server", "on the server this page came from: any model"],
              ["browser", "in this browser: the embedded model, also without a network"],
            ]}
            onChoose={(value) => (where.value = value)}
          />
          {now === "server" && <Key />}
        </section>
      )}
      <section aria-labelledby="data">
        <h2 id="data">Nothing leaves this machine</h2>
        <p>
          {now === "browser"
            ? "The model runs in this page. What you type is sent nowhere, not even to where the page came from."
            : `What you type goes to ${new URL(root).host}, where this page came from, and nowhere else.`}{" "}
          The page's own rules (its content security policy) let it talk to no other address; the browser's network view
          shows as much. No counting, no telemetry, no fonts or scripts from elsewhere.
        </p>
        <Forget />
      </section>
    </div>
  );
}
