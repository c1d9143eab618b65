/**
 * Renders promptsource's templates here and compares with what jinja2 made of them:
 *   npm run build && node parity/templates.js PROMPTSOURCE ROWS
 * Both come from parity/templates.py, which says what they are. Prints the templates that differ, with a reason, and
 * how many are byte-identical; exits 1 when a render that jinja2 can do differs.
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { valueFromJson } from "../dist/data/values.js";
import { templateParts } from "../dist/prompts/template.js";
import { parseTemplates } from "../dist/prompts/yaml.js";

const [source, rows] = process.argv.slice(2);
const fixture = JSON.parse(
  readFileSync(new URL("../test/fixtures/templates/promptsource.json", import.meta.url), "utf8"),
);
const { digits } = fixture;
const files = new Map();
const places = new Map();
const failed = new Map();
const counts = {};

/** Python's json.dumps of texts and lists of them, not escaped beyond what JSON needs. */
const dumped = (value) => (Array.isArray(value) ? `[${value.map(dumped).join(", ")}]` : JSON.stringify(value));

for await (const line of createInterface({ input: createReadStream(rows) })) {
  const entry = valueFromJson(line);
  const file = entry.get("file");
  if (!files.has(file)) {
    const path = join(source, "promptsource/templates", file);
    files.set(file, parseTemplates(readFileSync(path, "utf8"), file));
  }
  const id = entry.get("id");
  const template = files.get(file).templates.find((one) => one.id === id);
  let expected = entry.get("result");
  if (entry.get("kind") === "synthetic") {
    const place = places.get(id) ?? 0;
    places.set(id, place + 1);
    const known = fixture.templates[id].slice(place * digits, (place + 1) * digits);
    expected = known === "e".repeat(digits) ? "error" : known === "n".repeat(digits) ? "none" : known;
  }
  let result;
  let shown;
  try {
    const options = { truncate: entry.get("truncate"), below: (n) => Math.floor(n / 2) };
    const { parts, choices } = templateParts(template, entry.get("row"), options);
    shown = dumped([parts, choices ?? null]);
    result = createHash("sha256").update(shown).digest("hex").slice(0, digits);
  } catch (error) {
    shown = `${error.code ?? error.stack}: ${error.message}`;
    result = error.code === undefined ? "crash" : "error";
  }
  const kind = `${entry.get("kind")} ${expected.length === digits ? "rendered" : expected}`;
  counts[kind] ??= { renders: 0, equal: 0 };
  counts[kind].renders++;
  // What prints an address in Python is different in every run of Python, too.
  if (result === expected || (expected === "none" && result === "error")) counts[kind].equal++;
  else {
    const list = failed.get(id) ?? [];
    list.push({ file, name: template.name, kind, here: shown, there: entry.get("shown") });
    failed.set(id, list);
  }
}

for (const [id, list] of failed) {
  const [{ file, name, kind, here, there }] = list;
  console.log(`${file} ${name} (${id}): ${list.length} renders differ, the first ${kind}`);
  console.log(`   here   ${here.slice(0, 400)}\n   jinja2 ${there.slice(0, 400)}`);
}
const total = places.size;
console.log(counts);
console.log(
  `${total - [...failed.keys()].filter((id) => places.has(id)).length} of ${total} templates byte-identical on every render`,
);
if ([...failed.values()].flat().some(({ kind }) => kind.endsWith("rendered"))) process.exitCode = 1;
