import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { panels } from "./panels.ts";

test("each folder is one panel of the rail, and nothing else is", () => {
  const folders = readdirSync(new URL(".", import.meta.url), { withFileTypes: true });
  const names = folders.filter((one) => one.isDirectory()).map(({ name }) => name);
  expect(panels.map(({ name }) => name).sort()).toEqual(names.sort());
});
