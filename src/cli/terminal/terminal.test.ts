/** What stands between a terminal and the line editor: keys, texts of several lines, search and history. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { textOf } from "./editor.ts";
import { fromLine, openHistory, toLine } from "./history.ts";
import { keyReader } from "./keys.ts";
import { searchHistory } from "./search.ts";

describe("keys", () => {
  const typed =
    "a\u001b[200~one\rtwo\u001b[A\r\n\u001b[201~\u0003\u001b[A\u001b\rb\r\nc\u0004\u0012\u001b[200~\u001b[201~é鯨";
  const expected = [
    { kind: "text", text: "a" },
    { kind: "paste", text: "one\ntwo[A" },
    { kind: "interrupt" },
    { kind: "text", text: "\u001b[A" },
    { kind: "break" },
    { kind: "text", text: "b" },
    { kind: "line" },
    { kind: "text", text: "c" },
    { kind: "end" },
    { kind: "search" },
    { kind: "text", text: "é鯨" },
  ];
  /** Texts that follow each other are one. */
  const joined = (keys: readonly { kind: string; text?: string }[]) => {
    const out: { kind: string; text?: string }[] = [];
    for (const key of keys) {
      const last = out.at(-1);
      if (key.kind === "text" && last?.kind === "text") last.text += key.text!;
      else out.push({ ...key });
    }
    return out;
  };

  test("a paste is one piece without control characters; the rest is cut at the keys that mean something", () => {
    expect(keyReader()(typed)).toEqual(expected);
  });

  test("wherever a terminal's text is cut, a paste stays one", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(typed.length), { maxLength: 6 }), (cuts) => {
        // Pairs that mean one key come in one piece.
        const places = cuts.filter((at) => typed[at - 1] !== "\u001b" && typed[at - 1] !== "\r").sort((a, b) => a - b);
        const read = keyReader();
        const keys = [...places, typed.length].flatMap((to, i) => read(typed.slice(places[i - 1] ?? 0, to)));
        expect(joined(keys)).toEqual(expected);
      }),
    );
  });
});

test.each([
  [["one"], "one"],
  [["one\\"], undefined],
  [["one\\", "two"], "one\ntwo"],
  [["a path C:\\\\"], "a path C:\\\\"],
  [['"""one"""'], "one"],
  [['"""'], undefined],
  [['"""', "one", " two"], undefined],
  [['"""', "one", " two", '"""'], "one\n two"],
  [['say """this"""'], 'say """this"""'],
])("lines %j are the text %j", (lines, text) => {
  expect(textOf(lines)).toBe(text);
});

test("a search finds the newest entry, then older ones, and says when there is none", () => {
  const search = searchHistory(["three red", "two blue", "one red"], "before");
  expect(search.line).toBe("before");
  expect(search.type("red")).toEqual({ rest: "" });
  expect(search.line).toBe("three red");
  search.older();
  expect(search.line).toBe("one red");
  search.older();
  expect([search.line, search.prompt]).toEqual(["one red", "(no earlier) red: "]);
  search.type("\u007f\u007f\u007f");
  expect([search.line, search.prompt]).toEqual(["before", "(search) : "]);
  expect(search.type("bl\u001b[C")).toEqual({ ended: "taken", rest: "bl\u001b[C".slice(2) });
  expect(search.line).toBe("two blue");
  expect(search.type("\u0007x")).toEqual({ ended: "dropped", rest: "x" });
});

describe("the history", () => {
  let folder: string;
  let path: string;
  const before = process.env.ZEROTH_HOME;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "zeroth-history-"));
    path = join(folder, "history");
    process.env.ZEROTH_HOME = folder;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.ZEROTH_HOME;
    else process.env.ZEROTH_HOME = before;
    rmSync(folder, { recursive: true, force: true });
  });
  const open = () => openHistory("history", () => expect.unreachable());

  test("each entry is there when it is added, on a line of its own, for its owner alone; two sessions keep theirs", () => {
    const [one, two] = [open(), open()];
    one.add("first");
    expect(readFileSync(path, "utf8")).toBe("first\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    two.add("several\nlines");
    one.add("first");
    one.add("last");
    expect(readFileSync(path, "utf8")).toBe("first\nseveral⏎lines\nlast\n");
    expect(open().entries.map(fromLine)).toEqual(["last", "several\nlines", "first"]);
    expect(toLine("a\nb")).toBe("a⏎b");
  });

  test("a longer file is cut to its last thousand, and one that others could read is closed to them", () => {
    writeFileSync(path, Array.from({ length: 2500 }, (_, i) => `entry ${i}\n`).join(""));
    chmodSync(path, 0o644);
    expect(open().entries).toHaveLength(1000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const lines = readFileSync(path, "utf8").trim().split("\n");
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([1000, "entry 1500", "entry 2499"]);
    writeFileSync(path, `${"x".repeat(3 << 20)}\nshort\n`);
    expect(open().entries).toEqual(["short"]);
  });

  test("an entry that was cut off by a kill is dropped, and the next one has its own line", () => {
    writeFileSync(path, "whole\nhal");
    open().add("next");
    expect(readFileSync(path, "utf8")).toBe("whole\nnext\n");
  });

  test("a place where nothing can be kept is said once, and no failure", () => {
    const said: string[] = [];
    process.env.ZEROTH_HOME = join(path, "below");
    writeFileSync(path, "a file, not a folder\n");
    const history = openHistory("history", (text) => said.push(text));
    history.add("one");
    history.add("two");
    expect(history.entries).toEqual(["two", "one"]);
    expect(said).toEqual([expect.stringContaining("the history is not kept")]);
    expect(existsSync(join(path, "below"))).toBe(false);
  });
});
