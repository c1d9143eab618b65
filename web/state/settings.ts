/** How answers are drawn: one row a setting, with the sentence that says what it does. */
import type { Settings } from "../client/client.ts";
import { kept } from "./kept.ts";

export interface SettingRow {
  readonly name: "temperature" | "topP" | "topK" | "minP" | "repetitionPenalty" | "maxTokens" | "seed";
  readonly title: string;
  readonly says: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** What holds where the person says nothing. */
  readonly usual: string;
  /** Of no effect unless tokens are drawn. */
  readonly draws?: true;
}

export const settingRows: readonly SettingRow[] = [
  {
    name: "temperature",
    title: "Temperature",
    says: "0 always takes the likeliest token; towards 1 and above, unlikely tokens come more often.",
    ...{ min: 0, max: 2, step: 0.1, usual: "0" },
  },
  {
    name: "maxTokens",
    title: "Longest answer",
    says: "The answer ends after so many tokens, finished or not.",
    ...{ min: 1, max: 4096, step: 1, usual: "256" },
  },
  {
    name: "topP",
    title: "Top p",
    says: "Draws only among the likeliest tokens that together have this probability.",
    ...{ min: 0.05, max: 1, step: 0.05, usual: "1", draws: true },
  },
  {
    name: "topK",
    title: "Top k",
    says: "Draws only among this many of the likeliest tokens; 0 means all.",
    ...{ min: 0, max: 200, step: 1, usual: "0", draws: true },
  },
  {
    name: "minP",
    title: "Min p",
    says: "Leaves out tokens that have less than this share of the likeliest one's probability.",
    ...{ min: 0, max: 1, step: 0.01, usual: "0", draws: true },
  },
  {
    name: "repetitionPenalty",
    title: "Repetition penalty",
    says: "Above 1, tokens that were said already become less likely.",
    ...{ min: 1, max: 2, step: 0.05, usual: "the model's own" },
  },
  {
    name: "seed",
    title: "Seed",
    says: "The same number draws the same answer again.",
    ...{ min: 0, max: 999_999, step: 1, usual: "0", draws: true },
  },
];

/** What the person has set; a setting that is not there is the model's own. */
export const drawing = kept<Settings>("settings", {});

export function setDrawing(name: SettingRow["name"], value: number | undefined): void {
  const { [name]: _, ...rest } = drawing.value;
  drawing.value = value === undefined ? rest : { ...rest, [name]: value };
}

export type Theme = "system" | "light" | "dark";
export const theme = kept<Theme>("theme", "system");

/** Whether answers are tinted by probability. */
export const tinted = kept("tinted", true);

/** The server's key, for this tab alone: it is in no link, no database and no other tab. */
const keyName = "zeroth.key";

export const serverKey = {
  read: (): string => sessionStorage.getItem(keyName) ?? "",
  write(key: string): void {
    if (key === "") sessionStorage.removeItem(keyName);
    else sessionStorage.setItem(keyName, key);
  },
};
