/** The frame around the panels: rail, the panel that is shown, status strip, palette. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type PanelRow, panels } from "../panels/panels.ts";
import { Icon } from "../parts/icon.tsx";
import { ProblemNote } from "../parts/problem.tsx";
import { route } from "../state/route.ts";
import { jobs, trouble } from "../state/session.ts";
import { useKeys } from "./keys.ts";
import { Palette } from "./palette.tsx";
import { Strip } from "./strip.tsx";

const shown = (): PanelRow => panels.find(({ name }) => name === route.value.panel) ?? panels[0]!;

function Rail() {
  const now = shown();
  const running = jobs.value.filter(({ state }) => state === "running").length;
  const link = ({ name, title, icon }: PanelRow) => (
    <a key={name} href={`#${name}`} aria-current={name === now.name ? "page" : undefined}>
      <Icon name={icon} />
      <span>{title}</span>
      {name === "jobs" && running > 0 && (
        <span class="count">
          {running}
          <span class="hidden"> running</span>
        </span>
      )}
    </a>
  );
  return (
    <nav class="rail" aria-label="Panels">
      <a class="brand" href={`#${panels[0]!.name}`} aria-label="Zeroth, to the first panel">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <ellipse cx="14" cy="17.5" rx="7" ry="9.5" />
          <circle cx="25" cy="6.5" r="2.6" />
        </svg>
        <span>Zeroth</span>
      </a>
      {panels.filter(({ last }) => !last).map(link)}
      <span class="gap" />
      {panels.filter(({ last }) => last).map(link)}
    </nav>
  );
}

const loaded = new Map<string, ComponentType>();

export function Shell() {
  const [, again] = useState(0);
  const now = shown();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useKeys();
  useEffect(() => {
    document.title = `${now.title} · Zeroth`;
    if (!loaded.has(now.name)) {
      now.load().then(({ Panel }) => {
        loaded.set(now.name, Panel);
        again((count) => count + 1);
      });
    }
    // Who walks by keyboard or ear is taken along to the new panel.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [now]);
  const Panel = loaded.get(now.name);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place; the fragment names the panel and so stays */}
      <a
        class="skip"
        href="#panel"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        To the panel
      </a>
      <Rail />
      <main id="panel" ref={main} tabIndex={-1} aria-label={now.title} data-panel={now.name}>
        {trouble.value && <ProblemNote problem={trouble.value} />}
        {Panel && <Panel />}
      </main>
      <Strip />
      <Palette />
    </>
  );
}
