/** Fixtures say what a reference computed, and nothing of the machine that it ran on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("./fixtures", import.meta.url));
const configurations = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
  /\bconfig[\w.-]*\.json$/.test(name),
);

test("no configuration names the folder that a model was read from", () => {
  const named = configurations.filter((name) =>
    /"_name_or_path": *"[^"]/.test(readFileSync(join(folder, name), "utf8")),
  );
  expect([configurations.length > 50, named]).toEqual([true, []]);
});
