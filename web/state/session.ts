/** Where models run in this visit, which there are, and which one is meant. */
import { computed, effect, signal } from "@preact/signals";
import { browserClient, embedded } from "../client/browser.ts";
import { type Client, type Job, type ModelCard, type Problem, problemOf, type Status } from "../client/client.ts";
import { serverClient } from "../client/server.ts";
import type { Kept, Shelf } from "../client/teach.ts";
import { forget, keep, kept, readAll } from "./kept.ts";
import { serverKey } from "./settings.ts";

/** Address of the folder that the page lies in, with a slash at its end. */
export const root = new URL(".", document.baseURI).href;

export const client = signal<Client | undefined>(undefined);
/** Whether the page came from a server of ours. */
export const hasServer = signal(false);
export const where = kept<"server" | "browser" | "auto">("where", "auto");

export const models = signal<readonly ModelCard[]>([]);
const clientJobs = signal<readonly Job[]>([]);
/** Jobs that a panel runs itself, by its name. */
const panelJobs = signal<Readonly<Record<string, readonly Job[]>>>({});
export const jobs = computed<readonly Job[]>(() => [...Object.values(panelJobs.value).flat(), ...clientJobs.value]);

export function noteJobs(panel: string, now: readonly Job[]): void {
  panelJobs.value = { ...panelJobs.value, [panel]: now };
}
export const status = signal<Status>({});
/** Why models cannot be had, while they cannot. */
export const trouble = signal<Problem | undefined>(undefined);
/** Tokens a second of the last answer, the reading of its prompt included. */
export const speed = signal<number | undefined>(undefined);

const chosen = kept("model", "");

/** The model that is asked: the chosen one where it is there, else the first that can answer. */
export const model = computed<ModelCard | undefined>(() => {
  const able = models.value.filter(({ can }) => can.includes("generate"));
  return able.find(({ id }) => id === chosen.value) ?? able[0];
});

export const chooseModel = (id: string): void => {
  chosen.value = id;
};

const clients = new Map<Client["where"], Client>();

/** What was taught in this browser lies in its database. */
const shelf: Shelf = {
  all: () => readAll<Kept>("taught"),
  keep: (one) => keep("taught", one),
  forget: (id) => forget("taught", id),
};

/** The way to models of this place, whether it is the one in use or not. */
export function clientFor(kind: Client["where"]): Client {
  const made = clients.get(kind);
  if (made) return made;
  const client =
    kind === "server"
      ? serverClient(root, serverKey.read)
      : browserClient(new URL(`models/${embedded}/`, root).href, shelf);
  clients.set(kind, client);
  return client;
}

export async function refresh(): Promise<void> {
  const now = client.value;
  if (!now) return;
  try {
    const [found, state, work] = await Promise.all([now.models(), now.status(), now.jobs()]);
    if (client.value !== now) return;
    models.value = found;
    status.value = state;
    clientJobs.value = work;
    trouble.value = undefined;
  } catch (error) {
    trouble.value = problemOf(error);
  }
}

/** Whether a server of ours answers at the page's own address. A key may be wanted: that is an answer, too. */
async function serverAnswers(): Promise<boolean> {
  if (!location.protocol.startsWith("http")) return false;
  try {
    const response = await fetch(new URL("api/status", root), { cache: "no-store" });
    const json = response.headers.get("content-type")?.includes("json") ?? false;
    return json && (response.ok || response.status === 401);
  } catch {
    return false;
  }
}

let unwatch = () => {};

function use(kind: Client["where"]): void {
  const next = clientFor(kind);
  if (client.value === next) return;
  unwatch();
  models.value = [];
  status.value = {};
  trouble.value = undefined;
  client.value = next;
  unwatch = next.watch(() => void refresh());
  // In this browser there is one model, and whoever came wants an answer from it.
  if (kind === "browser") {
    next.open(embedded).catch((error: unknown) => {
      trouble.value = problemOf(error);
    });
  }
  void refresh();
}

export async function start(): Promise<void> {
  hasServer.value = await serverAnswers();
  effect(() => use(hasServer.value && where.value !== "browser" ? "server" : "browser"));
}
