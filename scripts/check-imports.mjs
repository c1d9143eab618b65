/**
 * The floors of docs/architecture.md over the sources, type-only imports included (compiled files have lost those):
 * imports go down only, and nothing imports itself by a detour. Prints what it finds and exits 1, else prints nothing.
 * node scripts/check-imports.mjs [FOLDER]
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Which rooms each room may import, besides itself. */
const floors = {
  errors: [],
  graph: ["errors"],
  base: ["errors", "graph"],
  weights: ["errors", "graph", "base"],
  tokenizers: ["errors", "base"],
  hub: ["errors", "base"],
  data: ["errors", "graph", "base", "hub"],
  jinja: ["errors", "data"],
  media: ["errors", "graph", "base", "weights"],
  folders: ["errors", "graph", "base", "weights", "tokenizers", "hub"],
  scan: ["errors", "graph", "base", "weights", "tokenizers", "hub"],
  runtime: ["errors", "graph", "base", "weights"],
  nn: ["errors", "graph", "base"],
  models: ["errors", "graph", "base", "weights", "folders", "runtime", "nn"],
  export: ["errors", "graph", "base", "weights", "tokenizers", "hub", "folders", "nn", "models"],
  learn: ["errors", "graph", "base", "weights", "runtime"],
  prompts: ["errors", "graph", "base", "hub", "data", "jinja"],
  text: [
    ...["errors", "graph", "base", "weights", "tokenizers", "hub", "data", "jinja", "folders", "runtime", "nn"],
    ...["models", "learn"],
  ],
  images: ["errors", "graph", "base", "weights", "media", "folders", "runtime", "nn", "models", "text"],
  host: [
    ...["errors", "graph", "base", "weights", "tokenizers", "hub", "data", "jinja", "media", "folders", "runtime"],
    ...["models", "text", "images"],
  ],
  state: ["errors", "base"],
};
const below = [
  "errors",
  "graph",
  "base",
  "weights",
  "tokenizers",
  "hub",
  "data",
  "jinja",
  "media",
  "folders",
  "scan",
  "runtime",
  "nn",
];
// Recipes never import each other; an app imports everything.
const recipes = ["digest", "plan", "prefer", "retrieve", "study", "summarize", "train", "tune", "vision", "zeroshot"];
const all = [...below, "models", "export", "learn", "prompts", "text", "images"];
for (const recipe of recipes) floors[recipe] = all;
for (const app of ["server", "cli"]) floors[app] = [...all, ...recipes, "host", "state"];
// Long work as jobs calls recipes; commands and routes hand work to it.
floors.jobs = [...all, ...recipes];
for (const app of ["server", "cli"]) floors[app] = [...floors[app], "jobs"];
floors.cli = [...floors.cli, "server"];

const root = resolve(process.argv[2] ?? fileURLToPath(new URL("../src", import.meta.url)));

// Statements begin a line and hold no quote or semicolon before their path; import("…") also names types.
const statement = /^(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*"(\.[^"]+)"/gm;
const call = /\bimport\(\s*"(\.[^"]+)"\s*\)/g;

const files = readdirSync(root, { recursive: true })
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => file.split(sep).join("/"));

const imports = new Map(
  files.map((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const found = [...text.matchAll(statement), ...text.matchAll(call)].map(([, path]) => path);
    const target = (path) =>
      relative(root, resolve(root, dirname(file), path))
        .split(sep)
        .join("/");
    return [file, [...new Set(found.map(target))]];
  }),
);

/** The room of a file: its folder, or its name where it lies beside the rooms. */
const room = (file) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : file.replace(/\.ts$/, ""));
const problems = [];

for (const [file, targets] of imports) {
  const from = room(file);
  if (from === "index" || from === "browser") continue;
  if (!(from in floors)) problems.push(`${file}: "${from}" has no row in the table of floors`);
  for (const target of targets) {
    if (target.startsWith("..")) problems.push(`${file} imports ${target}, outside of the sources`);
    else if (room(target) !== from && !floors[from]?.includes(room(target))) {
      problems.push(`${file} imports ${target}: ${from} may import ${floors[from]?.join(", ") || "nothing"}`);
    }
  }
}

const done = new Set();
const path = [];
function visit(file) {
  const at = path.indexOf(file);
  if (at >= 0) problems.push(`a circle: ${[...path.slice(at), file].join(" → ")}`);
  if (at >= 0 || done.has(file)) return;
  path.push(file);
  for (const target of imports.get(file) ?? []) visit(target);
  path.pop();
  done.add(file);
}
for (const file of files) visit(file);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
