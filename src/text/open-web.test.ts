/** Models in 8 and 4 bits in WebAssembly, the web engine in Node: a folder is fetched as from a server. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Form, writeGroupedModels } from "../../test/support/models/grouped-model.ts";
import { talk } from "../../test/support/talk.ts";
import { openLanguageModel } from "./open-node.ts";
import { openTextModel } from "./open-web.ts";
import type { GenerateOptions } from "./options.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-wasm-"));
beforeAll(() => writeGroupedModels(place));
afterAll(() => rmSync(place, { recursive: true }));

/** Answers as a static server of the folder would. */
const fetchFiles = async (address: string) => {
  const file = join(place, new URL(address).pathname);
  return existsSync(file) ? new Response(new Uint8Array(readFileSync(file))) : new Response(null, { status: 404 });
};

const said = ["Hello there", "And a second question?"];
const greedy: GenerateOptions = { sample: false, maxNewTokens: 24 };

describe("a decoder in wasm gives the ids of Node", () => {
  test.each([
    ["fp32", undefined],
    ["int8", undefined],
    // Nothing that is multiplied is rounded in a page: the same as Node's weights as numbers.
    ["int4", "fp32"],
  ] as const)("%s", async (form: Form, dtype) => {
    await using inNode = await openLanguageModel(join(place, form), { threads: 1, ...(dtype && { dtype }) });
    const expected = await talk(inNode, said, greedy);
    await using model = await openTextModel(`http://localhost/${form}`, { fetch: fetchFiles });
    const got = await talk(model, said, greedy);
    expect(got).toEqual(expected);
    const tokens = got.turns.flatMap((turn) => turn.tokens);
    expect(new Set(tokens).size).toBeGreaterThan(8);
  });
});
