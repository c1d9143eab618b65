/** The patterns of examples/flan: ten a data set as FLAN has them, at most three of them turned around. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { rowFromObject } from "../src/data/values.ts";
import { flanWordings } from "../src/prompts/flan.ts";

const folder = fileURLToPath(new URL("../examples/flan/", import.meta.url));
const rows: Record<string, object> = {
  "rotten_tomatoes.json": { text: "a warm film", label: 1 },
  "ag_news.json": { text: "Shares rose.", label: 2 },
  "commonsense_qa.json": {
    question: "Where does milk stand?",
    choices: { label: ["A", "B"], text: ["in the oven", "in the fridge"] },
    answerKey: "B",
  },
};

test.each(readdirSync(folder))("%s", (name) => {
  const wordings = flanWordings(JSON.parse(readFileSync(`${folder}${name}`, "utf8")), name);
  expect(wordings).toHaveLength(10);
  const place = { seed: 0, index: 0 };
  const rendered = wordings.map((wording) => wording.render(rowFromObject({ ...rows[name] }), place)!);
  expect(new Set(rendered.map(({ prompt }) => prompt)).size).toBe(10);
  const turned = rendered.filter(({ choices }) => choices === undefined);
  expect(turned.length).toBeGreaterThan(0);
  expect(turned.length).toBeLessThanOrEqual(3);
  for (const { prompt, target, choices } of rendered) {
    expect(`${prompt}${target}`).not.toMatch(/[{}]/);
    if (!choices) continue;
    expect(prompt).toContain("OPTIONS:\n- ");
    expect(choices).toContain(target);
  }
});
