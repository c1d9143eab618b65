/**
 * The databases that the state's tests run on: SQLite always; PostgreSQL as a server that the tests start for
 * themselves, in a folder of its own and reached through a socket in it, where its programs are installed.
 */
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe } from "vitest";
import { openState } from "../../src/state/open-node.ts";
import type { State } from "../../src/state/schema/tables.ts";

/** Where PostgreSQL's server programs are; undefined where it is not installed. */
function serverPrograms(): string | undefined {
  const places = ["/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt"];
  const versions = places
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((name) => join(place, name, "bin")));
  const own = ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"];
  return [...versions.sort().reverse(), ...own].find(
    (place) => existsSync(join(place, "initdb")) && existsSync(join(place, "postgres")),
  );
}

/** PostgreSQL refuses to run as root: somebody else of this machine, where we are root. */
function runsAs(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const user = users.find((line) => line.startsWith("postgres:")) ?? users.find((line) => line.startsWith("nobody:"));
  const [, , uid, gid] = user?.split(":") ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

export interface Server {
  /** The address of a new, empty database. */
  fresh(): string;
  stop(): Promise<void>;
}

async function startServer(programs: string): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "zeroth-pg-"));
  const as = runsAs();
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid!);
  const data = join(folder, "data");
  const environment = { PATH: process.env.PATH, LC_ALL: "C" };
  const init = ["-D", data, "-U", "zeroth", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"];
  execFileSync(join(programs, "initdb"), init, { ...as, cwd: folder, env: environment, stdio: "pipe" });
  const settings = ["listen_addresses=", `unix_socket_directories=${folder}`, "fsync=off", "max_connections=100"];
  const server = spawn(join(programs, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    ...as,
    cwd: folder,
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const gone = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const address = (name: string) => `postgres://zeroth@localhost/${name}?host=${encodeURIComponent(folder)}`;
  for (let i = 0; !/ready to accept connections/.test(said); i++) {
    if (server.exitCode !== null || i > 600) throw new Error(`PostgreSQL did not start: ${said}`);
    await sleep(50);
  }
  let count = 0;
  return {
    fresh() {
      const name = `test_${process.pid}_${count++}`;
      execFileSync(join(programs, "createdb"), ["-h", folder, "-U", "zeroth", name], { env: environment });
      return address(name);
    },
    async stop() {
      server.kill("SIGINT");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server of PostgreSQL's own with pgvector, where both are installed. */
export function vectorServer(): (() => Promise<Server>) | undefined {
  const programs = serverPrograms();
  const version = /postgresql\/(\d+)\//.exec(programs ?? "")?.[1];
  const there = version !== undefined && existsSync(`/usr/share/postgresql/${version}/extension/vector.control`);
  return there ? () => startServer(programs!) : undefined;
}

export interface Databases {
  readonly kind: State["kind"];
  /** What the environment says for a new, empty database. */
  environment(): Promise<Readonly<Record<string, string>>>;
  /** A new, empty database, closed when the tests end. */
  open(): Promise<State>;
}

/** Run the same tests on every database that there is. */
export function onEachDatabase(tests: (databases: Databases) => void): void {
  const programs = serverPrograms();
  for (const kind of ["sqlite", "postgres"] as const) {
    if (kind === "postgres" && programs === undefined) {
      const why = "no programs of PostgreSQL's server (initdb, postgres) were found";
      console.warn(`the tests on PostgreSQL are skipped: ${why}`);
      describe.skip(`postgres (skipped: ${why})`, () => tests({ kind, environment: never, open: never }));
      continue;
    }
    describe(kind, () => {
      let server: Promise<Server> | undefined;
      const opened: State[] = [];
      const folders: string[] = [];
      const environment = async (): Promise<Readonly<Record<string, string>>> => {
        if (kind === "postgres") {
          server ??= startServer(programs!);
          return { DATABASE_URL: (await server).fresh() };
        }
        const folder = mkdtempSync(join(tmpdir(), "zeroth-state-"));
        folders.push(folder);
        return { ZEROTH_HOME: folder };
      };
      afterAll(async () => {
        for (const state of opened) await state.close();
        await (await server)?.stop();
        for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      });
      tests({
        kind,
        environment,
        async open() {
          const state = await openState(await environment());
          opened.push(state);
          return state;
        },
      });
    });
  }
}

function never(): never {
  throw new Error("skipped");
}
