/**
 * Writes src/cli/command-list.ts from the files of src/cli/commands: a new file there is a new command, and nothing
 * else has to name it. The list is made before every build and test and not kept in git, so that two branches that each
 * add a command do not meet in it. node scripts/list-commands.mjs [FOLDER OF src/cli]
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("../src/cli", import.meta.url)));

const files = readdirSync(join(folder, "commands"), { recursive: true })
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => ({ name: basename(file, ".ts"), path: `./commands/${file.split(sep).join("/")}` }))
  .sort((a, b) => (a.name < b.name ? -1 : 1));
for (const { name, path } of files) {
  // A command is typed: lower case, and no dash at its ends.
  if (!/^[a-z]+(-[a-z]+)*$/.test(name)) throw new Error(`${path}: a command's file is called like the command`);
  if (files.filter((other) => other.name === name).length > 1) throw new Error(`${name} is there twice`);
}
// `export` and others are words of the language.
const variable = (name) => `${name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())}Command`;
const text = [
  "/** Written by scripts/list-commands.mjs from the files in commands/. */",
  'import type { Commands } from "./command.ts";',
  ...files.map(({ name, path }) => `import ${variable(name)} from "${path}";`),
  "",
  "/** Every command by its name. */",
  "export const commands: Commands = {",
  ...files.map(({ name }) => `  ${name.includes("-") ? `"${name}"` : name}: ${variable(name)},`),
  "};",
  "",
].join("\n");
const target = join(folder, "command-list.ts");
if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
