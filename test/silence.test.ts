/** Nothing is reported to anybody: no file outside of the program's own folders, no name looked up, on any way in. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const program = fileURLToPath(new URL("../bin/zeroth.js", import.meta.url));
const library = new URL("../dist/node/index.js", import.meta.url).href;
const home = mkdtempSync(join(tmpdir(), "zeroth-silence-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** As a person's shell has it: the variable that quiets the tests themselves is not there. */
const { ORT_DISABLE_TELEMETRY: _, ...shell } = process.env;
const env = { ...shell, HOME: home, XDG_CACHE_HOME: "", ZEROTH_HOME: join(home, "zeroth") };
const tracer = ["/usr/bin/strace", "/usr/local/bin/strace"].find(existsSync);

const graph = `const { compile, openHost, graph, input, ops, float32 } = await import(${JSON.stringify(library)});
const g = graph({ y: ops.tanh(input("x", "float32", ["n"])) });
const x = float32([2], [0, 1]);`;
const inHost = (kind: string) =>
  `${graph} const host = await openHost(${JSON.stringify(kind)}); const p = await host.compile(g);
console.log((await p.run({ x })).y.shape.join()); await host[Symbol.asyncDispose]();`;
const worker = (first: string) => `${first} const { Worker } = await import("node:worker_threads");
const code = ${JSON.stringify(`(async () => { ${graph} const p = await compile(g); console.log((await p.run({ x })).y.shape.join()); })().catch((e) => console.log(e.code));`)};
await new Promise((done) => new Worker(code, { eval: true }).on("exit", done));`;

const pairs = join(home, "zeroth/pairs.jsonl");
const training = join(home, "zeroth/train.json");
mkdirSync(join(home, "zeroth"));
writeFileSync(pairs, `${JSON.stringify({ prompt: "Is snow cold?", target: "yes" })}\n`.repeat(2));
const settings = { model: "zeroth-nano", data: { train: pairs }, batch: 1, steps: 1, out: join(home, "zeroth/run") };
writeFileSync(training, JSON.stringify(settings));
/** The engine's own package, loaded by the caller after this library. */
const beside = `await import(${JSON.stringify(library)});
const { createRequire } = await import("node:module");
const ort = createRequire(${JSON.stringify(import.meta.url)})("onnxruntime-node");
console.log(ort.listSupportedBackends().length > 0);`;

const script = (code: string) => ["--input-type=module", "-e", code];
const ways: readonly (readonly [string, readonly string[], string])[] = [
  ["the command", [program, "Is snow cold?", "--max-new-tokens", "2"], ""],
  ["training", [program, "train", "--config", training], ""],
  ["a probe for a device", [program, "doctor"], "1 + 1 = 2"],
  ["measuring this machine", [program, "bench", "--tokens", "8"], ""],
  ["another package's engine, loaded after this one", script(beside), "true"],
  ["the library", script(`${graph} console.log((await (await compile(g)).run({ x })).y.shape.join());`), "2"],
  ["a worker host", script(inHost("worker")), "2"],
  ["a child host", script(inHost("child")), "2"],
  [
    "an engine in a child",
    script(`const { childEngine } = await import(${JSON.stringify(library)}); const engine = childEngine();
await engine.score({ model: "zeroth-nano", rows: [{ prompt: { text: "Is snow cold?" }, choices: ["yes"] }] });
console.log((await engine.status()).models.length); await engine[Symbol.asyncDispose]();`),
    "1",
  ],
  ["a worker of the caller's", script(worker(`await import(${JSON.stringify(library)});`)), "2"],
];

/** Calls of a trace that write a file outside of `home` and the null devices, or talk to another host. */
function loud(trace: string): string[] {
  return trace.split("\n").filter((line) => {
    if (/\bconnect\(.*AF_INET/.test(line) || line.includes('"/etc/resolv.conf"')) return true;
    const path = /\b(?:openat|mkdir|mkdirat)\((?:AT_FDCWD, )?"([^"]+)"/.exec(line)?.[1];
    if (!path || !/\bmkdir|O_CREAT|O_WRONLY|O_RDWR/.test(line)) return false;
    return !path.startsWith(join(home, "zeroth")) && !path.startsWith("/dev/") && !path.startsWith("/proc/");
  });
}

test.each(ways)("%s writes nothing outside and looks nothing up", (_, args, printed) => {
  const trace = join(home, "trace");
  const traced = tracer ? [tracer, "-f", "-e", "trace=openat,mkdir,mkdirat,connect", "-o", trace] : [];
  const [command, ...rest] = [...traced, process.execPath, ...args];
  const done = spawnSync(command!, rest, { env, encoding: "utf8" });
  expect(done.status, done.stderr).toBe(0);
  expect(done.stdout).toContain(printed);
  if (tracer) expect(loud(readFileSync(trace, "utf8"))).toEqual([]);
  rmSync(trace, { force: true });
  expect(readdirSync(home).filter((name) => name !== "zeroth")).toEqual([]);
});

test("a worker whose main thread does not know the engine is refused, not reported", () => {
  const done = spawnSync(process.execPath, script(worker("")), { env, encoding: "utf8" });
  expect(done.stdout.trim()).toBe("unsupported");
  expect(readdirSync(home).filter((name) => name !== "zeroth")).toEqual([]);
});
