/**
 * The lock file as every machine can use it. Run it after every change of dependencies: node scripts/complete-lock.mjs
 *
 * - A registry that mirrors only some platforms makes a lock file without the others, which `npm ci` then refuses. This
 *   adds the optional packages that are missing, with the platform their name tells, as npm itself would have written.
 * - No registry is named: `npm ci` asks the one that is configured.
 * - No package is said to have an install script, so `npm ci` runs none: the engine's asks another host for libraries
 *   that nothing here uses and fails where it does not answer. The key that its script knows cannot stand in `.npmrc`,
 *   where npm warns of keys that it does not know itself.
 * - What only tests use and wants a newer Node than the program does not warn about it.
 */
import { readFileSync, writeFileSync } from "node:fs";

const systems = {
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  openharmony: "openharmony",
  win32: "win32",
  windows: "win32",
};
const processors = {
  arm64: "arm64",
  x64: "x64",
  ia32: "ia32",
  arm: "arm",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  loong64: "loong64",
};

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const added = [];
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const places = [`${path}/node_modules/${name}`, `node_modules/${name}`];
    if (places.some((place) => lock.packages[place])) continue;
    const parts = name.split(/[/-]/);
    const os = parts.map((part) => systems[part]).find(Boolean);
    const cpu = parts.map((part) => processors[part]).find(Boolean);
    if (!os) continue;
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[~^]/, ""),
      ...(cpu ? { cpu: [cpu] } : {}),
      ...(dev ? { dev: true } : {}),
      ...(parts.some((part) => part.startsWith("musl")) ? { libc: ["musl"] } : {}),
      optional: true,
      os: [os],
    };
    added.push(name);
  }
}
const oldest = Number(/\d+/.exec(lock.packages[""].engines.node)[0]);
for (const [path, entry] of Object.entries(lock.packages)) {
  if (path === "") continue;
  delete entry.resolved;
  delete entry.hasInstallScript;
  const [, major] = /^>=\s*(\d+)/.exec(entry.engines?.node ?? "") ?? [];
  if (entry.dev && Number(major) > oldest) delete entry.engines;
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} packages of other platforms added${added.length > 0 ? `: ${added.join(", ")}` : ""}`);
