/**
 * A disk that refuses its n-th write, rename or link; everything that came before it is done, as on a real one, and half
 * of the write that is refused.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const promised = ["mkdir", "rename", "copyFile", "symlink", "link", "truncate", "writeFile"] as const;
const plain = ["mkdirSync", "renameSync", "copyFileSync", "linkSync", "symlinkSync", "writeFileSync"] as const;
/** What is done to an open file, whose path is known from its opening. */
const opened = ["writeSync", "fsyncSync", "ftruncateSync"] as const;

type Functions = Record<string, (...args: never[]) => unknown>;

/**
 * Do `work` while the n-th call that changes the disk fails with `code`; `below` is the folder whose calls count.
 * @returns what the work gave or threw, and whether so many calls were made
 */
export async function onFailingDisk<T>(
  { n, code, below }: { n: number; code: "ENOSPC" | "EIO" | "EROFS"; below: string },
  work: () => Promise<T>,
): Promise<{ value?: T; error?: unknown; failed: boolean }> {
  let left = n;
  const undo: (() => void)[] = [];
  const spend = (what: string) => {
    if (--left === 0) throw Object.assign(new Error(`${code}: injected, ${what}`), { code, syscall: what, errno: -1 });
  };
  const concerns = (args: readonly unknown[]) =>
    args.slice(0, 2).some((path) => typeof path === "string" && path.startsWith(below));
  const replace = (object: unknown, name: string, isAsync: boolean) => {
    const methods = object as Functions;
    const original = methods[name]!;
    methods[name] = (...args: never[]) => {
      if (!isAsync) {
        if (concerns(args)) spend(name);
        return original(...args);
      }
      return Promise.resolve().then(() => {
        if (concerns(args)) spend(name);
        return original(...args);
      });
    };
    undo.push(() => {
      methods[name] = original;
    });
  };
  for (const name of promised) replace(fs.promises, name, true);
  for (const name of plain) replace(fs, name, false);
  const writes = (path: unknown, flags: unknown) => flags !== "r" && typeof path === "string" && path.startsWith(below);
  /** Half of a piece, for the write that is refused. */
  const half = (piece: Uint8Array, from = 0) => [piece, from, Math.floor((piece.length - from) / 2)] as never[];

  const files = new Set<number>();
  const { openSync, closeSync } = fs;
  Object.assign(fs, {
    openSync(...args: Parameters<typeof openSync>) {
      if (writes(args[0], args[1])) spend("open");
      const file = openSync(...args);
      if (writes(args[0], args[1])) files.add(file);
      return file;
    },
    closeSync(file: number) {
      files.delete(file);
      closeSync(file);
    },
  });
  undo.push(() => void Object.assign(fs, { openSync, closeSync }));
  for (const name of opened) {
    const original = fs[name] as (file: number, ...rest: never[]) => unknown;
    Object.assign(fs, {
      [name](file: number, ...rest: never[]) {
        if (!files.has(file)) return original(file, ...rest);
        if (name === "writeSync" && left === 1) original(file, ...half(rest[0]!, rest[1]));
        spend(name);
        return original(file, ...rest);
      },
    });
    undo.push(() => void Object.assign(fs, { [name]: original }));
  }

  const { open } = fs.promises;
  fs.promises.open = async (path, flags, mode) => {
    const counts = writes(path, flags);
    if (counts) spend("open");
    const handle = await open(path, flags, mode);
    if (counts) {
      for (const name of ["write", "sync", "truncate"] as const) {
        const original = handle[name].bind(handle) as (...args: never[]) => Promise<unknown>;
        Object.assign(handle, {
          [name]: async (...args: never[]) => {
            if (name === "write" && left === 1) await original(...half(args[0]!, args[1]));
            spend(name);
            return original(...args);
          },
        });
      }
    }
    return handle;
  };
  undo.push(() => {
    fs.promises.open = open;
  });
  syncBuiltinESMExports();
  try {
    return { value: await work(), failed: left <= 0 };
  } catch (error) {
    return { error, failed: left <= 0 };
  } finally {
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  }
}
