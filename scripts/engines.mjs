/**
 * The engines as the package carries them. onnxruntime's own packages are development dependencies: the one for Node
 * has an install script that asks a host which is not the registry for 300 MB of GPU libraries, the one for browsers
 * unpacks to 139 MB of which two variants are used.
 *   node scripts/engines.mjs web    into dist/web-engine, with every build
 *   node scripts/engines.mjs node   into engine, before the package is packed
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

const licence = `MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

/** Copy what is not there yet in the same size. */
function copy(from, to) {
  const { size } = statSync(from);
  if (statSync(to, { throwIfNoEntry: false })?.size === size) return;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** The package's folder; its package.json is not among its exports. */
function folderOf(name) {
  return dirname(dirname(require.resolve(name)));
}

/** Both variants of the browser's engine, and the compiled program importing them from there. */
function web() {
  const from = join(folderOf("onnxruntime-web"), "dist");
  const to = join(root, "dist/web-engine");
  const compiled = join(root, "dist/runtime/compile-web.js");
  let text = readFileSync(compiled, "utf8");
  for (const [variant, wasm] of [
    ["wasm", "ort-wasm-simd-threaded.wasm"],
    ["webgpu", "ort-wasm-simd-threaded.asyncify.wasm"],
  ]) {
    const script = `ort.${variant}.bundle.min.mjs`;
    for (const name of [script, wasm]) copy(join(from, name), join(to, name));
    if (!readFileSync(join(to, script), "utf8").includes(wasm)) throw new Error(`${script} does not load ${wasm}`);
    text = text.replace(`"onnxruntime-web/${variant}"`, `"../web-engine/${script}"`);
  }
  if (/import\("onnxruntime-web/.test(text)) throw new Error(`${compiled} still imports onnxruntime-web`);
  writeFileSync(compiled, text);
  writeFileSync(join(to, "LICENSE"), licence);
}

/** Not used by this program: DirectX's compilers and DirectML, which are loaded when asked for, and a file under two names. */
const left = /^(DirectML|dxcompiler|dxil)\.dll$|^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/;

function node() {
  const from = folderOf("onnxruntime-node");
  const to = join(root, "engine");
  rmSync(to, { recursive: true, force: true });
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" })) {
    const wanted = /^dist[\\/].*\.js$/.test(name) || (/^bin[\\/]/.test(name) && !left.test(basename(name)));
    if (wanted && statSync(join(from, name)).isFile()) copy(join(from, name), join(to, name));
  }
  const { version, license, author } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
  const manifest = { name: "onnxruntime-node", version, license, author, private: true, main: "dist/index.js" };
  writeFileSync(join(to, "package.json"), `${JSON.stringify({ ...manifest, type: "commonjs" }, null, 2)}\n`);
  writeFileSync(join(to, "LICENSE"), licence);
}

({ web, node })[process.argv[2]]();
