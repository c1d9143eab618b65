/** The prompt on a terminal: `zeroth` in a pseudo-terminal, key by key. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { keys, settle, sit } from "../support/pty.ts";

const root = mkdtempSync(join(tmpdir(), "zeroth-prompt-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
function place(): string {
  const folder = join(root, String(count++));
  mkdirSync(join(folder, "state"), { recursive: true });
  return folder;
}
const historyOf = (folder: string) => readFileSync(join(folder, "state", "history"), "utf8");
/** An answer that takes minutes. */
const endless = ["--min-new-tokens", "100000", "--max-new-tokens", "100000"];
const question = "Is this a fact or an opinion? Snow is cold.";

describe.sequential("the prompt", () => {
  test("says in two lines what answers; an example, the help, and Ctrl-D leaves with 0 and the terminal as it was", async () => {
    const folder = place();
    const sitting = sit(folder, []);
    await sitting.until(
      /zeroth-nano: 4\.1 million parameters\. It is tiny[\s\S]+1, 2 or 3 for an example[\s\S]+Ctrl-D leaves/,
    );
    await sitting.ready();
    sitting.type("2\r");
    await sitting.until(/Is this a fact or an opinion\? The bridge.+\n/);
    expect(await sitting.until(/\w+\n/)).toMatch(/fact|opinion/);
    await sitting.ready();
    sitting.type("help\r");
    await sitting.until(/\/save FILE +write the conversation/);
    await sitting.ready();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    expect(historyOf(folder)).toBe("Is this a fact or an opinion? The bridge was opened in 1932.\nhelp\n");
    expect(statSync(join(folder, "state", "history")).mode & 0o777).toBe(0o600);
    expect(sitting.shown().lastIndexOf("\u001b[?2004l")).toBeGreaterThan(sitting.shown().lastIndexOf("\u001b[?2004h"));
    expect(readFileSync(join(folder, "after"), "utf8")).toMatch(/ icanon .* echo /s);
  });

  test.each(["exit", "quit", "/quit", "/exit"])("%s leaves", async (word) => {
    const folder = place();
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type(`${word}\r`);
    expect(await sitting.end).toBe(0);
  });

  test("Ctrl-C clears the line; on an empty one it says how to leave, and leaves the second time", async () => {
    const folder = place();
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type("something wrong");
    await sitting.until(/something wrong/);
    sitting.type(keys.ctrlC);
    await sitting.ready();
    sitting.type(`${question}\r`);
    await sitting.until(/fact|opinion/);
    await sitting.ready();
    sitting.type(keys.ctrlC);
    await sitting.until(/Ctrl-C again or Ctrl-D leaves/);
    await sitting.ready();
    sitting.type("x");
    sitting.type(keys.backspace);
    await settle();
    // Something was typed in between: it is the first one again.
    sitting.type(keys.ctrlC);
    await sitting.until(/Ctrl-C again or Ctrl-D leaves/);
    await sitting.ready();
    sitting.type(keys.ctrlC);
    expect(await sitting.end).toBe(0);
    expect(historyOf(folder)).toBe(`${question}\n`);
  });

  test("Ctrl-C stops an answer and keeps the session; the line is in the history while it is answered", async () => {
    const folder = place();
    const sitting = sit(folder, endless);
    await sitting.ready();
    sitting.type("Go on.\r");
    await sitting.until(/Go on\.\n/);
    await settle();
    await settle();
    expect(historyOf(folder)).toBe("Go on.\n");
    sitting.type(keys.ctrlC);
    await sitting.ready();
    sitting.type("/set max-new-tokens 3\r/set min-new-tokens 1\r");
    await sitting.until(/min-new-tokens 1 /);
    await sitting.ready();
    sitting.type(`${question}\r`);
    await sitting.until(/stopped after 3|fact|opinion/);
    await sitting.ready();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
  });

  test("Ctrl-D during an answer leaves at once", async () => {
    const sitting = sit(place(), endless);
    await sitting.ready();
    sitting.type("Go on.\r");
    await sitting.until(/Go on\.\n/);
    await settle();
    const before = performance.now();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test.each([
    ["SIGHUP", 129],
    ["SIGTERM", 143],
  ] as const)(
    "%s during an answer ends it with %i; the history is there, and the terminal as it was",
    async (signal, code) => {
      const folder = place();
      const sitting = sit(folder, endless);
      await sitting.ready();
      sitting.type("Go on.\r");
      await sitting.until(/Go on\.\n/);
      await settle();
      sitting.kill(signal);
      expect(await sitting.end).toBe(code);
      expect(historyOf(folder)).toBe("Go on.\n");
      expect(readFileSync(join(folder, "after"), "utf8")).toMatch(/ icanon .* echo /s);
    },
  );

  test("kill -9 loses nothing that was typed", async () => {
    const folder = place();
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type(`${question}\r`);
    await sitting.until(/fact|opinion/);
    await sitting.ready();
    sitting.kill("SIGKILL");
    await sitting.end;
    expect(historyOf(folder)).toBe(`${question}\n`);
  });

  test("a paste of several lines is one prompt, and comes back as one", async () => {
    const folder = place();
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type(keys.paste("one\ntwo\nthree\nfour\n"));
    await sitting.until(/one⏎two⏎three⏎four/);
    await settle();
    sitting.type("\r");
    await sitting.ready();
    expect(historyOf(folder)).toBe("one⏎two⏎three⏎four\n");
    sitting.type(keys.up);
    await sitting.until(/one⏎two⏎three⏎four/);
    sitting.type(keys.ctrlC);
    await sitting.ready();
    sitting.type("/save talk.json\r");
    await sitting.until(/2 messages are in talk\.json/);
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    const { messages } = JSON.parse(readFileSync(join(folder, "talk.json"), "utf8")) as { messages: object[] };
    expect(messages[0]).toEqual({ role: "user", content: "one\ntwo\nthree\nfour" });
  });

  test('several typed lines: """ around them, a backslash at their ends, Alt-Enter between; Ctrl-C gives them up', async () => {
    const folder = place();
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type('"""one\r');
    await sitting.until(/… /);
    sitting.type('two"""\r');
    await sitting.ready();
    sitting.type("three\\\r");
    await sitting.until(/… /);
    sitting.type("four\r");
    await sitting.ready();
    sitting.type(`five${keys.altEnter}six\r`);
    await sitting.ready();
    sitting.type("given up\\\r");
    await sitting.until(/… /);
    sitting.type(keys.ctrlC);
    await sitting.ready();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    expect(historyOf(folder)).toBe("one⏎two\nthree⏎four\nfive⏎six\n");
  });

  test("Ctrl-R searches what was typed in earlier sessions; Ctrl-G goes back to the line", async () => {
    const folder = place();
    writeFileSync(join(folder, "state", "history"), "the red fox\nthe blue whale\nthe red car\n");
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type(`mine${keys.ctrlR}`);
    await sitting.until(/\(search\)/);
    sitting.type("red");
    await sitting.until(/\(search\) red: .*the red car/);
    sitting.type(keys.ctrlR);
    await sitting.until(/the red fox/);
    sitting.type(keys.ctrlR);
    await sitting.until(/\(no earlier\) red/);
    sitting.type(keys.ctrlG);
    await sitting.until(/> .*mine/);
    sitting.type(`${keys.ctrlR}blue\r`);
    await sitting.until(/> the blue whale[\s\S]*\n/);
    await sitting.ready();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    expect(historyOf(folder)).toBe("the red fox\nthe blue whale\nthe red car\nthe blue whale\n");
  });

  test("Tab completes commands, settings and their values, files, and nothing else; a mistyped one is not said", async () => {
    const folder = place();
    writeFileSync(join(folder, "talk-one.json"), "{}");
    const sitting = sit(folder, []);
    await sitting.ready();
    sitting.type("/se\tsampl\ton\r");
    await sitting.until(/sample on +draw tokens/);
    await sitting.ready();
    sitting.type("/set temp\t 0.5\r");
    await sitting.until(/temperature 0\.5 +sampling/);
    await sitting.ready();
    sitting.type("/load talk\t\r");
    await sitting.until(/talk-one\.json: "messages" must|"messages" must be a list/);
    await sitting.ready();
    sitting.type("/sett seed\r");
    await sitting.until(/there is no \/sett\n.*did you mean \/set\?/);
    await sitting.ready();
    sitting.type("/set tempratur 3\r");
    await sitting.until(/did you mean \/set temperature/);
    await sitting.ready();
    sitting.type("/set temperature hot\r");
    await sitting.until(/expected a number/);
    await sitting.ready();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
  });

  test("a window of 40 columns, wide characters: a long line is edited, sent and shown whole", async () => {
    const folder = place();
    const sitting = sit(folder, [], { columns: 40 });
    await sitting.ready();
    const text = "鯨は魚ですか、それとも哺乳類ですか。".repeat(4);
    sitting.type(text);
    sitting.type(`${keys.left}${keys.left}${keys.backspace}`);
    await settle();
    sitting.type("\r");
    await sitting.ready();
    sitting.type("/help\r");
    await sitting.until(/\/quit\n {4}leave/);
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    const typed = [...text];
    expect(historyOf(folder).split("\n")[0]).toBe([...typed.slice(0, -3), ...typed.slice(-2)].join(""));
    const help = sitting.shown().slice(sitting.shown().indexOf("/help\r"));
    expect(
      Math.max(
        ...help
          .split("\r\n")
          .filter((line) => line.startsWith("  "))
          .map((line) => line.length),
      ),
    ).toBeLessThan(41);
  });

  test("TERM=dumb: whole lines, no escape sequences; Ctrl-C and Ctrl-D all the same", async () => {
    const folder = place();
    const sitting = sit(folder, endless, { env: { TERM: "dumb" } });
    await sitting.ready();
    sitting.type("Go on.\n");
    await settle();
    await settle();
    sitting.type(keys.ctrlC);
    await sitting.ready();
    sitting.type("/quux\n");
    await sitting.until(/there is no \/quux/);
    await sitting.ready();
    sitting.type(keys.ctrlD);
    expect(await sitting.end).toBe(0);
    expect(historyOf(folder)).toBe("Go on.\n/quux\n");
    expect(sitting.shown()).not.toContain("\u001b");
  });
});

test("zeroth --model NAME on a terminal is a prompt with that model; /save asks before it replaces a file, /load goes on", async () => {
  const folder = place();
  writeFileSync(join(folder, "talk.json"), "something else");
  const sitting = sit(folder, ["--model", "zeroth-nano", "--max-new-tokens", "4"]);
  await sitting.ready();
  sitting.type(`${question}\r`);
  await sitting.until(/fact|opinion/);
  await sitting.ready();
  sitting.type("/system Be brief.\r");
  await sitting.ready();
  sitting.type("/save talk.json\r");
  await sitting.until(/Replace it\? \[y\/N\]/);
  sitting.type("\r");
  await sitting.until(/Not saved/);
  await sitting.ready();
  expect(readFileSync(join(folder, "talk.json"), "utf8")).toBe("something else");
  sitting.type("/save talk.json\r");
  await sitting.until(/Replace it\? \[y\/N\]/);
  sitting.type("y\r");
  await sitting.until(/3 messages are in talk\.json/);
  await sitting.ready();
  sitting.type("/clear\r/save other.json\r");
  await sitting.until(/1 messages are in/);
  await sitting.ready();
  sitting.type("/load talk.json\r");
  await sitting.until(/3 messages; the last one: assistant/);
  await sitting.ready();
  sitting.type("/save again.json\r");
  await sitting.until(/3 messages are in again/);
  await sitting.ready();
  sitting.type("/model nowhere-at-all\r");
  await sitting.until(/→|not/);
  await sitting.ready();
  sitting.type("/model\r");
  await sitting.until(/zeroth-nano: 4\.1 million/);
  await sitting.ready();
  sitting.type(keys.ctrlD);
  expect(await sitting.end).toBe(0);
  const [saved, again] = ["talk.json", "again.json"].map(
    (name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Record<string, unknown>,
  );
  expect(saved).toEqual({
    model: "zeroth-nano",
    settings: { "max-new-tokens": 4 },
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: question },
      { role: "assistant", content: expect.stringMatching(/fact|opinion/) as string },
    ],
  });
  expect(again).toEqual(saved);
});
