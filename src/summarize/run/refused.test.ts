import { writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { calledWriter, shelf, smallOptions } from "../../../test/support/summaries.ts";
import { planBook } from "./plan-node.ts";
import type { SummarizeOptions } from "./settings.ts";

const { path, at, close } = shelf();
afterAll(close);

describe("files that cannot be summarised", () => {
  const refused = (name: string, content: string | Uint8Array, code: string, pattern: RegExp) =>
    it(name, async () => {
      const file = at(name.replaceAll(" ", "-"));
      writeFileSync(file, content);
      try {
        await planBook(file, calledWriter(), smallOptions);
      } catch (error) {
        expect(error).toMatchObject({ code });
        expect((error as Error).message).toMatch(pattern);
        return;
      }
      expect.unreachable("no error");
    });
  refused("an empty file.txt", "", "bad_input", /no text/);
  refused("white space.txt", " \n\t\n ", "bad_input", /no text/);
  refused("binary.txt", Uint8Array.of(1, 2, 0, 4, 5), "corrupt_file", /zero/);
  refused("no utf.txt", Uint8Array.of(0x41, 0xff, 0xfe, 0x42), "corrupt_file", /UTF-8/);
  refused("no zip.epub", "PK\u0003\u0004 no zip", "corrupt_file", /./);
  refused("another kind.docx", "x", "unsupported", /docx/);
  it("a file that is not there", async () => {
    await expect(planBook(at("gone.txt"), calledWriter(), smallOptions)).rejects.toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
  });
  it("a script that the model does not know, a window that is too small, options out of range", async () => {
    await expect(planBook(path, calledWriter({ unknownShare: () => 0.5 }), smallOptions)).rejects.toThrow(
      /50 % of the tokens are unknown/,
    );
    await expect(planBook(path, calledWriter({ window: 60 }), smallOptions)).rejects.toThrow(/leaves/);
    await expect(
      planBook(path, calledWriter({ window: 170 }), { ...smallOptions, leafTokens: 40, limits: [90, 60, 60] }),
    ).rejects.toThrow(/too little for two summaries/);
    await expect(planBook(path, calledWriter(), { leafTokens: 0 })).rejects.toThrow(
      expect.objectContaining({ code: "wrong_use" }),
    );
    await expect(planBook(path, calledWriter(), { leafToken: 9 } as SummarizeOptions)).rejects.toThrow(/leafToken/);
  });
});
