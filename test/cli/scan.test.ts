/** `zeroth scan` as a script sees it: its exit code, its rows, and what a person reads. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import scan from "../../src/cli/commands/scan.ts";
import { createOutput, type Output } from "../../src/cli/output.ts";
import { runIn } from "../support/cli.ts";
import { hostileLegacy } from "../support/torch/legacy.ts";
import { hostilePickles } from "../support/torch/pickles.ts";
import { hostileZips, torchZip } from "../support/torch/zips.ts";

const place = mkdtempSync(join(tmpdir(), "zeroth-scan-cli-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const scanModel = (args: readonly string[], output: Output) =>
  scan.run({ args, flags: {}, output, signal: new AbortController().signal, commands: {} });

/** What the command gives and says of a folder of these files. */
async function scanned(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = mkdtempSync(join(place, "folder-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const rows: Record<string, unknown>[] = [];
  let text = "";
  const output: Output = {
    ...createOutput({ color: false }),
    row: (row) => void rows.push(row as Record<string, unknown>),
    text: (part) => {
      text += part;
    },
  };
  return { code: await scanModel([folder], output), rows, text, folder };
}

test("0: everything is safe", async () => {
  const { code, rows, text } = await scanned({ "config.json": "{}", "README.md": "# hello" });
  expect(code).toBe(0);
  expect(rows.at(-1)).toMatchObject({ done: true, safe: 2, unsafe: 0, unknown: 0 });
  expect(text.trimEnd().split("\n").at(-1)).toBe("safe");
});

test("2: nothing unsafe, and something nobody can tell; 1: something unsafe, whatever else there is", async () => {
  expect((await scanned({ "config.json": "{}", "model.tflite": "TFL3" })).code).toBe(2);
  const { code, text } = await scanned({ "model.tflite": "TFL3", "run.py": "" });
  expect(code).toBe(1);
  expect(text).toMatch(/unsafe {3}run\.py {2}code\n {9}is code;.*\n {9}→ read it before/);
});

test("names cannot write to the terminal", async () => {
  const { text, rows } = await scanned({ "a\u001b[2Jb\nsafe.py": "" });
  expect(text).not.toContain("\u001b");
  expect(text).toContain('"a\\u001b[2Jb\\nsafe.py"');
  expect(rows[0]!.file).toBe("a\u001b[2Jb\nsafe.py");
});

test("every hostile torch file in a folder of its own is unsafe, or cannot be told where it is only not read", async () => {
  const tables = [
    ...Object.entries(hostilePickles).map(([name, [bytes]]) => [name, torchZip(bytes)] as const),
    ...[hostileZips, hostileLegacy].flatMap((table) =>
      Object.entries(table).map(([name, [bytes]]) => [name, bytes] as const),
    ),
  ];
  for (const [name, bytes] of tables) {
    const { code, rows } = await scanned({ "config.json": "{}", "pytorch_model.bin": bytes });
    const [, row] = rows as [unknown, { findings: string[]; hint?: string }];
    expect([1, 2], name).toContain(code);
    if (code === 2) expect(row.findings.join(), name).toMatch(/big-endian|too large to be put in order/);
    expect(row.findings.join(), name).toContain("pytorch_model.bin");
    expect(row.hint, name).toBeTruthy();
  }
});

test("a link out of the folder is unsafe; nothing to scan is wrong use, nothing there is not found", async () => {
  const { folder } = await scanned({});
  symlinkSync("/etc/passwd", join(folder, "vocab.txt"));
  const quiet = { ...createOutput({}), text: () => {} };
  expect(await scanModel([folder], quiet)).toBe(1);
  await expect(scanModel([], quiet)).rejects.toThrow(expect.objectContaining({ code: "wrong_use" }));
  expect(runIn(place)(["scan", folder, folder]).status).toBe(2);
  await expect(scanModel([join(folder, "none")], quiet)).rejects.toThrow(
    expect.objectContaining({ code: "not_found" }),
  );
});
