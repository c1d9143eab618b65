/**
 * The documentation is executed. Every `ts` block runs, in the folder of its document, after the blocks before it,
 * unless the line before it is `<!-- fragment: why it cannot run -->`. `<!-- file: NAME -->` before a block writes it
 * into that folder; `<!-- server -->` before a `ts` block runs it with a server where it says 127.0.0.1:8080, and
 * `<!-- server: OPTIONS -->` with one of its own, started in that folder with these options;
 * `<!-- run -->` before a `sh` block runs its `zeroth …` lines with the built command. What a
 * document downloads comes from a hub on this machine, where google/flan-t5-small is the embedded model and others are
 * tiny folders of their kind with random weights.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mixtureSchema } from "../src/prompts/mixture-file.ts";
import { retrieverConfigSchema } from "../src/retrieve/training/config.ts";
import { trainingConfigSchema } from "../src/train/config.ts";
import { type HubServer, startHub } from "./support/hub-server.js";
import { filesOf, standIns, tinyBert } from "./support/models/tiny-models.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const temporary = join(root, "test/.tmp");

interface Block {
  readonly language: string;
  readonly code: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** What the comment before it says: its word and the rest. */
  readonly mark: string | undefined;
  readonly about: string;
}

/** The fenced blocks of a Markdown text, with the comment right before each. */
function blocksOf(text: string): Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^\s*(`{3,}|~{3,})\s*(\w*)/.exec(lines[i]!);
    if (!fence) continue;
    const end = lines.findIndex((line, at) => at > i && line.trim().startsWith(fence[1]!));
    const before = lines
      .slice(0, i)
      .reverse()
      .find((line) => line.trim() !== "");
    const [, mark, about = ""] = /^<!--\s*(fragment|file|run|server)\b:?\s*(.*?)\s*-->$/.exec(before ?? "") ?? [];
    blocks.push({ language: fence[2]!, code: lines.slice(i + 1, end).join("\n"), line: i + 1, mark, about });
    i = end < 0 ? lines.length : end;
  }
  return blocks;
}

const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith(".md") && existsSync(join(root, name)))
  .map((name) => ({ name, blocks: blocksOf(readFileSync(join(root, name), "utf8")) }));

const servers: ChildProcess[] = [];
const addresses = new Map<string, Promise<string>>();

/** The address of a server that is started when the first block asks for it. It knows nothing of keys that other pages make. */
function serverUrl(options: string, cwd: string): Promise<string> {
  const key = options === "" ? "" : `${cwd} ${options}`;
  const known = addresses.get(key);
  if (known) return known;
  const address = new Promise<string>((resolve, reject) => {
    const own = mkdtempSync(join(temporary, "server-"));
    made.push(own);
    const more = options.split(" ").filter((word) => word !== "");
    const args = [join(root, "bin/zeroth.js"), "serve", "--port", "0", "--json", "--no-page", ...more];
    const server = spawn(process.execPath, args, {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ZEROTH_HOME: own },
    });
    servers.push(server);
    server.once("error", reject);
    let told = "";
    server.stdout!.on("data", (piece: Buffer) => {
      told += piece.toString();
      const [line, rest] = told.split("\n", 2);
      if (rest !== undefined) resolve((JSON.parse(line!) as { url: string }).url);
    });
  });
  addresses.set(key, address);
  return address;
}

async function execute({ language, code, mark, about }: Block, folder: string, name: string): Promise<void> {
  if (mark === "file") {
    mkdirSync(dirname(join(folder, about)), { recursive: true });
    writeFileSync(join(folder, about), `${code}\n`);
  } else if (mark === "run") {
    const zeroth = `"${process.execPath}" "${join(root, "bin/zeroth.js")}"`;
    for (const line of code.split("\n").filter((text) => text.startsWith("zeroth "))) {
      const command = line.replace(/^zeroth/, () => zeroth);
      await promisify(execFile)("sh", ["-c", command], { cwd: folder, env: { ...process.env, NO_COLOR: "1" } });
    }
  } else if (language === "ts") {
    const file = join(folder, `${name}.ts`);
    const url = mark === "server" ? await serverUrl(about, folder) : undefined;
    writeFileSync(file, url === undefined ? code : code.replaceAll("http://127.0.0.1:8080", url));
    await import(file);
  }
}

mkdirSync(temporary, { recursive: true });
const home = process.cwd();
const made: string[] = [];
let hub: HubServer | undefined;
beforeAll(async () => {
  const nano = join(root, "models/zeroth-nano");
  const files = Object.fromEntries(readdirSync(nano).map((name) => [name, readFileSync(join(nano, name))]));
  const repositories = { "google/flan-t5-small": { files } };
  for (const [name, write] of Object.entries(standIns)) {
    const folder = mkdtempSync(join(temporary, "model-"));
    made.push(folder);
    await write(folder);
    Object.assign(repositories, { [name]: { files: filesOf(folder) } });
  }
  hub = await startHub(repositories);
  const hubHome = mkdtempSync(join(temporary, "hf-"));
  made.push(hubHome);
  Object.assign(process.env, { HF_HOME: hubHome, HF_ENDPOINT: hub.url, ZEROTH_HOME: hubHome, HF_HUB_OFFLINE: "0" });
});
afterAll(async () => {
  for (const server of servers) server.kill("SIGTERM");
  await hub?.close();
  process.chdir(home);
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

describe.each(documents)("$name", ({ name, blocks }) => {
  const runs = blocks.filter(
    ({ language, mark }) => mark === "file" || mark === "run" || (language === "ts" && mark !== "fragment"),
  );
  const folder = mkdtempSync(join(temporary, "docs-"));
  made.push(folder);
  // A checkpoint for which there is no name that everybody knows.
  if (name === "docs/predict.md") beforeAll(() => tinyBert(join(folder, "choices"), "BertForMultipleChoice"));

  test("fragments say why they are not run", () => {
    for (const { mark, about, line } of blocks) {
      if (mark === "fragment" || mark === "file") expect(about, `line ${line}`).not.toBe("");
    }
  });

  test.each(runs)("the block at line $line", async (block) => {
    process.chdir(folder);
    await execute(block, folder, `line-${block.line}`);
  });
});

test("a page that says zeroth says how to call it in a checkout", () => {
  const pages = documents.filter(({ name, blocks }) => {
    return name !== "README.md" && blocks.some(({ code }) => /^zeroth /m.test(code));
  });
  expect(pages.length).toBeGreaterThan(10);
  for (const { name } of pages) {
    expect(readFileSync(join(root, name), "utf8").slice(0, 600), name).toContain("`npx zeroth`");
  }
});

test("docs/train.md lists every key of a training configuration, and no other", () => {
  const text = readFileSync(join(root, "docs/train.md"), "utf8");
  const table = text.slice(text.indexOf("## Every key"), text.indexOf("## Optimisers"));
  const listed = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key!);
  expect(listed.sort()).toEqual(Object.keys(trainingConfigSchema.shape).sort());
  const optimizers = text.slice(text.indexOf("## Optimisers"), text.indexOf("## Resuming"));
  for (const option of trainingConfigSchema.shape.optimizer.unwrap().options) {
    const row = new RegExp(`^\\| \`${option.shape.name.value}\` +\\|.*$`, "m").exec(optimizers)?.[0] ?? "";
    const keys = [...row.matchAll(/`(\w+)`/g)].map(([, key]) => key!).slice(1);
    const own = Object.keys(option.shape).filter((key) => key !== "name");
    expect(keys.sort(), option.shape.name.value).toEqual(own.sort());
  }
});

test("docs/search.md lists every key of a retriever's training, and no other", () => {
  const text = readFileSync(join(root, "docs/search.md"), "utf8");
  const table = text.slice(text.indexOf("| key | default"));
  const listed = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, keys]) => keys!.match(/\w+/g)!);
  expect(listed.sort()).toEqual(Object.keys(retrieverConfigSchema.shape).sort());
});

test("docs/mixtures.md lists every key of a mixture file and of its tasks, and no other", () => {
  const text = readFileSync(join(root, "docs/mixtures.md"), "utf8");
  const [file = "", task = ""] = text.slice(text.indexOf("## Every key")).split("| key of a task");
  const keys = (table: string) => [...table.matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key!).sort();
  expect(keys(file)).toEqual(Object.keys(mixtureSchema.shape).sort());
  const { shape } = mixtureSchema.shape.tasks.unwrap().valueType;
  expect(keys(task)).toEqual(Object.keys(shape).sort());
});

/** A file that the pages about the house name: below src/, or from the root. */
const named = (path: string) => [join(root, "src", path), join(root, path)].find((file) => existsSync(file));

const architecture = readFileSync(join(root, "docs/architecture.md"), "utf8");

test("docs/architecture.md and networks.md name files that are there", () => {
  for (const page of [architecture, readFileSync(join(root, "docs/networks.md"), "utf8")]) {
    const paths = [...page.matchAll(/`([\w./-]+(?:\.(?:ts|mjs|js|py|md)|\/))`/g)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(2);
    const there = paths.filter((path) => !/KIND|NAME/.test(path));
    expect(there.filter((path) => named(path) === undefined)).toEqual([]);
  }
});

test("docs/architecture.md: the functions on the way of a prompt and of a training row are exported by their files", () => {
  // `file.ts` (`one`, `other`), or within parentheses `file.ts`, `one`.
  const mentions = [...architecture.matchAll(/`([\w./-]+\.ts)`(?:,\s+|\s+\()((?:`\w+`(?:,\s+)?)+)\)/g)].flatMap(
    ([, file, names]) => [...names!.matchAll(/\w+/g)].map(([name]) => [file!, name] as const),
  );
  expect(mentions.length).toBeGreaterThan(50);
  for (const [file, name] of mentions) {
    const declared = new RegExp(`^export (?:async )?(?:function\\*?|const|class|interface|type) ${name}\\b`, "m");
    expect(readFileSync(named(file)!, "utf8"), `${file} exports ${name}`).toMatch(declared);
  }
});

test("docs/architecture.md has the floors of scripts/check-imports.mjs, each above what it imports", () => {
  const script = readFileSync(join(root, "scripts/check-imports.mjs"), "utf8");
  const source = script.slice(script.indexOf("const floors"), script.indexOf("const root"));
  const floors = new Function(`${source}; return floors;`)() as Record<string, readonly string[]>;
  const rows = [...architecture.matchAll(/^\| \w+ \| `(\w+)\/` \|.*\| ([^|]*) \|$/gm)];
  const table = rows.map(([, room, imports]) => [room!, imports!.split(", ").filter((name) => name !== "–")] as const);
  const { errors: _, ...rooms } = floors;
  const wanted = Object.entries(rooms).map(([room, all]) => [room, all.filter((name) => name !== "errors")]);
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(wanted));
  const order = table.map(([room]) => room);
  for (const [room, imports] of table) {
    for (const other of imports)
      expect(order.indexOf(other), `${other} stands below ${room}`).toBeGreaterThan(order.indexOf(room));
  }
});

test("only files named -node.ts and the command line use Node", () => {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /\.ts$/.test(file) && !/(\.test|-node)\.ts$|^cli\//.test(file));
  const node = /\bfrom "node:|import\("node:|(?<![\w.])process\.[a-z]/;
  const found = files.filter((file) => node.test(readFileSync(join(root, "src", file), "utf8")));
  expect(found).toEqual([]);
});
