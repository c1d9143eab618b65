/**
 * The panels, in the order of the rail. Each is a folder beside this file that nothing else imports: a new one is a
 * folder and a row.
 */
import type { ComponentType } from "preact";
import type { IconName } from "../parts/icon.tsx";

export interface PanelRow {
  /** Its folder, and its name in the address. */
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  /** What it is for, in a few words, for whoever looks for it by name. */
  readonly says: string;
  /** After the gap at the end of the rail. */
  readonly last?: true;
  load(): Promise<{ readonly Panel: ComponentType }>;
}

export const panels: readonly PanelRow[] = [
  {
    ...{ name: "ask", title: "Ask", icon: "ask", says: "a prompt, its answer, what else was likely" },
    load: () => import("./ask/panel.tsx"),
  },
  {
    ...{ name: "chat", title: "Chat", icon: "chat", says: "a conversation with branches" },
    load: () => import("./chat/panel.tsx"),
  },
  {
    ...{ name: "compare", title: "Compare", icon: "compare", says: "two models or two wordings beside each other" },
    load: () => import("./compare/panel.tsx"),
  },
  {
    ...{
      name: "teach",
      title: "Teach",
      icon: "teach",
      says: "rows of your own: learn to sort them, or to answer them",
    },
    load: () => import("./teach/panel.tsx"),
  },
  {
    ...{
      name: "search",
      title: "Search",
      icon: "search",
      says: "documents of your own: find, read and ask them",
    },
    load: () => import("./search/panel.tsx"),
  },
  {
    ...{
      name: "books",
      title: "Books",
      icon: "books",
      says: "a whole book summarised, every sentence with its place",
    },
    load: () => import("./books/panel.tsx"),
  },
  {
    ...{ name: "prefer", title: "Choose", icon: "check", says: "which of two summaries is better, blind" },
    load: () => import("./prefer/panel.tsx"),
  },
  {
    ...{ name: "look", title: "Look", icon: "look", says: "a picture of yours: what is in it, where a model looks" },
    load: () => import("./look/panel.tsx"),
  },
  {
    ...{
      name: "studies",
      title: "Studies",
      icon: "studies",
      says: "results of yours: is more pre-training worth it, a bigger model or more labels",
    },
    load: () => import("./studies/panel.tsx"),
  },
  {
    ...{ name: "digest", title: "Digest", icon: "digest", says: "a month's papers of a field as a newsletter" },
    load: () => import("./digest/panel.tsx"),
  },
  {
    ...{ name: "models", title: "Models", icon: "models", says: "what is here, open it, close it", last: true },
    load: () => import("./models/panel.tsx"),
  },
  {
    ...{ name: "jobs", title: "Jobs", icon: "jobs", says: "what takes long: openings and downloads", last: true },
    load: () => import("./jobs/panel.tsx"),
  },
  {
    ...{
      name: "settings",
      title: "Settings",
      icon: "settings",
      says: "how answers are drawn, theme, forget",
      last: true,
    },
    load: () => import("./settings/panel.tsx"),
  },
];
