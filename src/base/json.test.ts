import { expect, test } from "vitest";
import { writtenLike } from "./json.ts";

test("whole floats stay floats, integers and everything else stay as they are", () => {
  const source =
    '{"cap": 6.0, "rope": 1e4, "layers": 6, "eps": 1e-6, "inner": {"cap": 30.0}, "text": "6.0", "big": 3.0}';
  const value = { ...JSON.parse(source), big: 4, added: 6 };
  const text = writtenLike(value, source);
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toContain('"cap": 6.0,\n');
  expect(text).toContain('"rope": 1e4,\n');
  expect(text).toContain('"layers": 6,\n');
  expect(text).toContain('    "cap": 30.0\n');
  // Another number than the source's.
  expect(text).toContain('"big": 4,\n');
  expect(text).toContain('"added": 6\n');
});
