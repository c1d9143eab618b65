/** What a piece of work opens, by real path: the calls of `node:fs` that open, read, list or copy are listened to. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const calls = ["openSync", "readFileSync", "readdirSync", "opendirSync", "copyFileSync", "linkSync", "createReadStream", "open", "readFile"]; // biome-ignore format: a table
const promised = ["open", "readFile", "readdir", "opendir", "copyFile"];

/** Where a path really leads; the path itself where that leads nowhere. */
function real(path) {
  try {
    return fs.realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * Run `work` and give what it returned or threw, and every real path it opened.
 * Paths given as anything but text (descriptors) were opened before, so they were seen.
 */
export async function traceOpens(work) {
  const opened = [];
  const undo = [];
  const listen = (object, name) => {
    const original = object[name];
    object[name] = function (path, ...rest) {
      if (typeof path === "string") opened.push(real(path));
      return original.call(this, path, ...rest);
    };
    undo.push(() => {
      object[name] = original;
    });
  };
  for (const name of calls) listen(fs, name);
  for (const name of promised) listen(fs.promises, name);
  syncBuiltinESMExports();
  try {
    return { value: await work(), opened };
  } catch (error) {
    return { error, opened };
  } finally {
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  }
}
