import { expect, test } from "vitest";
import { shortened, wrapped } from "./fit.ts";

test("a line that fits stays as it is", () => {
  expect(wrapped("one two\n  three\n", 10)).toBe("one two\n  three\n");
});

test("a long line goes on under its last column, or a little further in", () => {
  const help = "  --min-p <p>  sampling: among those with this share of the likeliest";
  expect(wrapped(help, 46)).toBe(
    ["  --min-p <p>  sampling: among those with this", "               share of the likeliest"].join("\n"),
  );
  expect(wrapped("error: a word and another word and one more", 24)).toBe(
    ["error: a word and", "  another word and one", "  more"].join("\n"),
  );
});

test("a table's line too wide for its columns has its cells moved together", () => {
  expect(wrapped("  weights                  16.3 MB     8.2 MB\n  all      1\n", 30)).toBe(
    "  weights  16.3 MB  8.2 MB\n  all      1\n",
  );
});

test("colours take no room, a word longer than the line stays whole", () => {
  expect(wrapped("\u001b[1mbold\u001b[0m text", 9)).toBe("\u001b[1mbold\u001b[0m text");
  expect(wrapped("a https://example.org/a-long-name b", 10)).toBe("a\n  https://example.org/a-long-name\n  b");
});

test("a progress line keeps what it is about and the time that is left", () => {
  const download = " 42 %  ████████░░░░░░░░░░░░  410 MB of 990 MB  12.3 MB/s  47 s left";
  expect(shortened(download, 80)).toBe(download);
  expect(shortened(download, 49)).toBe(" 42 %  410 MB of 990 MB  12.3 MB/s  47 s left");
  expect(shortened(download, 30)).toBe(" 42 %  47 s left");
  const step = "step 12/400  loss 2.345  lr 1.0e-4  8123 tokens/s  512 MB  3 min left";
  expect(shortened(step, 49)).toBe("step 12/400  loss 2.345  lr 1.0e-4  3 min left");
});
