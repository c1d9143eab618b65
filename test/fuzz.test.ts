import { expect, it } from "vitest";
import { fuzz, readers } from "../fuzz/cases.js";
import { ZerothError } from "../src/errors.ts";
import { parseJsonObject } from "../src/hub/json.ts";
import { parseSafetensorsHeader } from "../src/hub/safetensors.ts";
import { createSentencePieceTokenizer } from "../src/hub/sentencepiece-tokenizer.ts";
import { createTokenizer } from "../src/hub/tokenizer.ts";
import { readTorch } from "../src/hub/torch/torch.ts";

it("gives a value or a typed error for 8,000 malformed files", () => {
  const rows = fuzz(
    readers({ parseSafetensorsHeader, parseJsonObject, createTokenizer, createSentencePieceTokenizer, readTorch }),
    {
      cases: 8000,
      seed: 11,
      expected: (error) => error instanceof ZerothError,
    },
  );
  for (const row of rows) {
    expect(row.failures, row.name).toEqual([]);
    // Mutations that never pass, or always do, would test nothing.
    expect(row.accepted).toBeGreaterThan(0);
    expect(row.refused).toBeGreaterThan(0);
  }
});
