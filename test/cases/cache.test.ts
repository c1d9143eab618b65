/** A cache and a hub that somebody has tampered with, through the program: refused in people's words, and an end. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { environment, program, type Ran, rowsOf, runIn } from "../support/cli.ts";
import { makePipe } from "../support/pipe.ts";

const folder = mkdtempSync(join(tmpdir(), "zeroth-cases-cache-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = runIn(folder);
const cache = join(folder, "hf", "hub");
const repo = (name: string) => join(cache, `models--acme--${name}`);

describe.skipIf(process.platform === "win32")("a cache with pipes and links in it", () => {
  mkdirSync(join(repo("pipe"), "refs"), { recursive: true });
  makePipe(join(repo("pipe"), "refs", "main"));
  mkdirSync(repo("links"), { recursive: true });
  mkdirSync(join(folder, "outside"));
  writeFileSync(join(folder, "outside", "secret"), "abc");
  symlinkSync(join(folder, "outside"), join(repo("links"), "refs"));
  mkdirSync(join(repo("sound"), "snapshots", "abc"), { recursive: true });
  writeFileSync(join(repo("sound"), "snapshots", "abc", "config.json"), "{}");

  test("is listed: broken rows say what is wrong, the others are there", () => {
    const { status, stdout } = run(["cache", "list"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^acme\/pipe +main .*broken: is not a file$/m);
    expect(stdout).toMatch(/^acme\/links +refs .*broken: is a link that leads out of the cache/m);
    expect(stdout).toMatch(/^acme\/sound +abc .*used \d{4}-/m);
    expect(stdout).not.toContain("1970");
    const rows = rowsOf(run(["cache", "list", "--json"]));
    expect(rows.map((row) => [row.repo, "problem" in row, "last_used" in row]).sort()).toEqual([
      ["acme/links", true, false],
      ["acme/pipe", true, false],
      ["acme/sound", false, true],
    ]);
  });

  test.each([
    ["generate", "hi", "--model", "acme/pipe"],
    ["tokenize", "hi", "--model", "acme/links@secret"],
    ["inspect", "acme/pipe"],
    ["plan", "acme/pipe"],
    ["cache", "remove", "acme/links", "--yes"],
  ])("zeroth %s %s %s %s", (...args) => {
    const { status, stderr } = run(args);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/is not a file|leads out of the cache/)]);
    expect(rowsOf(run(["cache", "list", "--json"]))).toHaveLength(3);
  });
});

describe("a hub that cannot be asked", () => {
  /** Not spawnSync: the server lives in this process. */
  const pull = (endpoint: string): Promise<Ran> => {
    const env = { ...environment(folder), HF_ENDPOINT: endpoint, HF_HUB_OFFLINE: "", HF_HUB_DOWNLOAD_TIMEOUT: "3" };
    const child = spawn(process.execPath, [program, "pull", "acme/far"], { cwd: folder, env });
    const ran = { stdout: "", stderr: "" };
    child.stdin.end();
    child.stdout.on("data", (data) => (ran.stdout += data));
    child.stderr.on("data", (data) => (ran.stderr += data));
    return new Promise((resolve) => child.on("close", (status) => resolve({ ...ran, status })));
  };
  const listening = (server: Server): Promise<string> =>
    new Promise((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
    );
  /** What a person cannot read: numbers of a library, values of a language. */
  const riddles = /\(\d+\)|"?null"?|undefined|\[object|NaN|internal|bug/;

  test.each<[string, Record<string, string>]>([
    ["nowhere", {}],
    ["to nothing", { location: "" }],
    ["to no address", { location: "http://[" }],
    ["to another kind of place", { location: "file:///etc/passwd" }],
    ["to itself", { location: "/api/models/acme/far/revision/main" }],
  ])("it sends us %s", async (_, headers) => {
    const server = createServer((_, response) => response.writeHead(302, headers).end());
    try {
      const { status, stderr } = await pull(await listening(server));
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/redirect|sends|address/i);
      expect(stderr).not.toMatch(riddles);
    } finally {
      server.close();
    }
  });

  test("nobody listens", async () => {
    const port = await new Promise<number>((resolve) => {
      const socket = createSocket().listen(0, "127.0.0.1", () => {
        const { port } = socket.address() as AddressInfo;
        socket.close(() => resolve(port));
      });
    });
    const { status, stderr } = await pull(`http://127.0.0.1:${port}`);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/the hub cannot be reached: nothing answers at its address and port/);
    expect(stderr.replaceAll("(ECONNREFUSED)", "")).not.toMatch(riddles);
  });
});
