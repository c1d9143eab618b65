/** Where a folder's chat templates are found, and which goes before which. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openModelFolder } from "./open-node.ts";

const home = mkdtempSync(join(tmpdir(), "zeroth-templates-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

let count = 0;
function templatesOf(files: Readonly<Record<string, string>>) {
  const folder = join(home, String(count++));
  for (const [name, content] of Object.entries({ "config.json": "{}", ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return openModelFolder(folder, { weights: "unread" });
}
const config = (chat_template: unknown) => ({ "tokenizer_config.json": JSON.stringify({ chat_template }) });
const named = (files: Readonly<Record<string, string>>) => Object.fromEntries(templatesOf(files).chatTemplates!);

test("a text, a list, names to texts, a file of its own, further ones in a folder", () => {
  expect(named({})).toEqual({});
  expect(templatesOf({}).chatTemplate).toBeUndefined();
  expect(named(config("a"))).toEqual({ default: "a" });
  expect(
    named(
      config([
        { name: "default", template: "a" },
        { name: "tool_use", template: "b" },
      ]),
    ),
  ).toEqual({
    default: "a",
    tool_use: "b",
  });
  expect(named(config({ default: "a", rag: "b" }))).toEqual({ default: "a", rag: "b" });
  expect(named({ ...config("a"), "chat_template.json": '{"chat_template":"p"}' })).toEqual({ default: "p" });
  const several = {
    ...config("a"),
    "chat_template.jinja": "j\n",
    "additional_chat_templates/rag.jinja": "r",
    "additional_chat_templates/note.txt": "",
  };
  expect(named(several)).toEqual({ default: "j\n", rag: "r" });
  expect(templatesOf(several).chatTemplate).toBe("j\n");
});

test("what is no template is damaged, and is told when somebody asks for it", () => {
  for (const wrong of [3, [3], [{ name: "a" }], [["a", "b"]], { default: 3 }]) {
    const folder = templatesOf(config(wrong));
    expect(() => folder.chatTemplates).toThrow(
      expect.objectContaining({
        code: "corrupt_file",
        message: expect.stringMatching(/chat_template: a text, or a list/),
      }),
    );
  }
  const large = templatesOf({ "chat_template.jinja": "x".repeat((1 << 20) + 1) });
  expect(() => large.chatTemplate).toThrow(/at most 1048576/);
});
