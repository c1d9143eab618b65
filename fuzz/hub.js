/** A hub's answers with everything that can go wrong in them: status, headers, cuts, pieces, encodings. */
import { createHash } from "node:crypto";
import { memoryDraft } from "./memory-draft.js";

const content = Uint8Array.from({ length: 2_500 }, (_, i) => (i * 2654435761) >>> 24);
const sha256 = createHash("sha256").update(content).digest("hex");
const endpoint = "http://hub.example";
const file = { name: "model.safetensors", bytes: content.length, etag: sha256, hash: "sha256" };
const entry = (rfilename, digit) => ({ rfilename, size: 3, blobId: digit.repeat(40) });
const listing = JSON.stringify({
  sha: "0".repeat(40),
  siblings: [
    entry("config.json", "1"),
    { rfilename: file.name, size: 130, blobId: "2".repeat(40), lfs: { size: file.bytes, sha256 } },
    entry("notes/a.txt", "4"),
    entry("Notes/A.txt", "5"),
  ],
});

/** One answer of each kind that a good server gives. */
const goodAnswers = [
  { status: 200, headers: {}, cut: -1, pieces: 700, end: "close" },
  { status: 302, headers: { location: "http://store.example/x" }, cut: -1, pieces: 700, end: "close" },
  { status: 429, headers: { "retry-after": "0" }, cut: -1, pieces: 700, end: "close" },
];

const statuses = [100, 200, 200, 200, 201, 204, 206, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 407, 408];
const moreStatuses = [410, 416, 418, 429, 429, 451, 500, 502, 503, 504, 511, 599];
const numbers = [
  "0",
  "-1",
  "1",
  "2499",
  "2500",
  "2501",
  "+5",
  "1e3",
  "0x10",
  "9".repeat(30),
  "NaN",
  "Infinity",
  "",
  " 5 ",
];
const dates = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
const places = [
  ...[
    "http://store.example/x",
    "https://hub.example/x",
    "/x",
    "?x",
    "//hub.example/y",
    "file:///etc/passwd",
    "http://[",
  ],
  ...[
    "http://127.0.0.1/x",
    "http://u:p@hub.example/",
    "mailto:a@b",
    "",
    "\u00ff",
    "http://hub.example:8080/x",
    "data:,x",
  ],
];
const values = {
  "content-length": numbers,
  "content-range": numbers.flatMap((n) => [
    `bytes ${n}-2499/2500`,
    `bytes 0-${n}/2500`,
    `bytes 0-2499/${n}`,
    `bytes */${n}`,
    n,
  ]),
  "content-encoding": ["gzip", "identity", "br", "x"],
  "content-type": ["text/html", "application/json", "", "\u00e9"],
  "x-linked-size": numbers,
  "x-linked-etag": [`"${sha256}"`, `W/"${sha256}"`, `"${"0".repeat(64)}"`, '"', "", "x".repeat(3000)],
  etag: [`"${sha256}"`, '"other"', 'W/"weak"', "", '""'],
  "retry-after": [...numbers, ...dates, "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "0, 1"],
  date: [...dates, "Fri, 31 Dec 9999 23:59:59 GMT", "never"],
  location: places,
  "x-error-code": ["GatedRepo", "RepoNotFound", "RevisionNotFound", "EntryNotFound", "", "x"],
};

function mutateAnswer(answer, random) {
  const { pick, below } = random;
  const name = pick(Object.keys(values));
  const change = [
    () => ({ ...answer, status: pick([...statuses, ...moreStatuses]) }),
    () => ({ ...answer, headers: { ...answer.headers, [name]: pick(values[name]) } }),
    () => ({ ...answer, cut: below(content.length + 2) }),
    () => ({ ...answer, pieces: pick([1, 7, 100, 1000, 5000]) }),
    () => ({ ...answer, end: pick(["close", "error", "abort", "reset"]) }),
    () => ({ ...answer, extra: below(40) }),
    () => ({ ...answer, flip: below(content.length) }),
    () => ({ ...answer, empty: below(5) }),
    () => ({ ...answer, text: listing.slice(0, below(listing.length)) }),
    () => ({
      ...answer,
      down: pick(["ECONNRESET", "ENOTFOUND", "CERT_HAS_EXPIRED", "UND_ERR_SOCKET", "EWHAT", 20, undefined]),
    }),
  ];
  return pick(change)();
}

/** A case is a list of answers, given one after another; then the server is good, or it goes on from the beginning. */
function mutate(seed, random) {
  const { pick, below } = random;
  const answers = Array.from({ length: 1 + below(8) }, () => {
    let answer = pick(seed);
    for (let n = below(4); n > 0; n--) answer = mutateAnswer(answer, random);
    return answer;
  });
  return {
    answers,
    forever: below(3) === 0,
    begun: pick([0, 0, 1, 1_000, 2_499, 2_500, 2_600]),
    wrong: below(8) === 0,
  };
}

function bodyOf(answer, whole, from) {
  let bytes = whole.slice(from);
  if (answer.flip !== undefined && bytes.length > 0) bytes[answer.flip % bytes.length] ^= 1;
  if (answer.extra) bytes = Uint8Array.from([...bytes, ...new Uint8Array(answer.extra)]);
  if (answer.cut >= 0) bytes = bytes.slice(0, answer.cut);
  let [at, empty] = [0, answer.empty ?? 0];
  return new ReadableStream({
    pull(controller) {
      if (empty-- > 0) return controller.enqueue(new Uint8Array());
      if (at < bytes.length) {
        controller.enqueue(bytes.slice(at, at + answer.pieces));
        at += answer.pieces;
        return undefined;
      }
      if (answer.end === "close") return controller.close();
      const name = answer.end === "abort" ? "AbortError" : "NetworkError";
      const cause = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
      return controller.error(
        answer.end === "error" ? new TypeError("terminated", { cause }) : new DOMException("", name),
      );
    },
  });
}

/** A response of any status and headers: the constructor takes neither all statuses nor a body with each. */
function respond(answer, whole, from) {
  if ("down" in answer) {
    throw new TypeError("fetch failed", { cause: Object.assign(new Error(""), { code: answer.down }) });
  }
  const ranged = answer.status === 206 && from > 0;
  const headers = new Headers({ ...(ranged && { "content-range": `bytes ${from}-2499/2500` }), ...answer.headers });
  const empty = [100, 204, 205, 304].includes(answer.status);
  return { status: answer.status, headers, body: empty ? null : bodyOf(answer, whole, ranged ? from : 0) };
}

/** More requests than this, redirects included, would be a loop: 6 tries and 3 restarts of at most 6 redirects. */
const mostRequests = 6 * 10 * 6;

function serverOf({ answers, forever }, whole) {
  let requests = 0;
  const fetch = async (address, { headers }) => {
    if (++requests > mostRequests) throw new Error(`request ${requests}`);
    if (new URL(address).origin !== endpoint && JSON.stringify(headers).includes("hf_secret")) throw new Error("token");
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    const answer = answers[forever ? (requests - 1) % answers.length : requests - 1];
    if (answer) return respond(answer, answer.text === undefined ? whole : new TextEncoder().encode(answer.text), from);
    return respond({ ...goodAnswers[0], status: from > 0 ? 206 : 200 }, whole, from);
  };
  return { fetch, tooMany: () => requests > mostRequests };
}

/** What a person reads of an error must be words. */
function checkWords(error) {
  const said = `${error.message} ${error.hint ?? ""}`;
  if (/\bundefined\b|\[object|"null"|\bNaN\b|hf_secret|\(\d*\)/.test(said.replace(/"(?:[^"\\]|\\.)*"/g, ""))) {
    throw new Error(`no words: ${said}`);
  }
  if (!error.hint) throw new Error(`no hint: ${said}`);
}

/** Readers of what a hub answers: a file that is fetched from it, and a listing. */
export function hubReaders({ transfer, fetchListing, chooseFiles, ZerothError }) {
  const settings = { endpoint, token: "hf_secret", timeout: 5_000 };
  const times = { tries: 6, wait: 0, longestWait: 0, patience: 1, worthwhile: 1_000 };
  const options = { settings, times, random: () => 0, now: () => 0, clock: () => 1.9e12 };
  const watched = async (server, work) => {
    try {
      await work();
    } catch (error) {
      if (error instanceof ZerothError) checkWords(error);
      throw server.tooMany() ? new Error("more requests than its bound") : error;
    }
    if (server.tooMany()) throw new Error("more requests than its bound");
  };
  const common = { seeds: [goodAnswers], mutate, sizeOf: () => 50_000 };
  return [
    {
      ...common,
      name: "file of a hub",
      async read(input) {
        const server = serverOf(input, content);
        const start = new Uint8Array(input.begun);
        if (!input.wrong) start.set(content.slice(0, input.begun));
        const draft = memoryDraft(start);
        const asked = { repo: "a/b", revision: "main", endpoint, token: true, file: file.name };
        const make = () => {
          const hash = createHash("sha256");
          return { update: (piece) => hash.update(piece), digest: () => hash.digest("hex") };
        };
        await watched(server, async () => {
          await transfer(`${endpoint}/x`, file, asked, draft, { ...options, fetch: server.fetch, createHash: make });
          if (Buffer.compare(draft.bytes(), content) !== 0) throw new Error("other bytes than listed");
        });
      },
    },
    {
      ...common,
      name: "listing of a hub",
      async read(input) {
        const server = serverOf(input, new TextEncoder().encode(listing));
        await watched(server, async () => {
          chooseFiles(await fetchListing("a/b", "main", { ...options, fetch: server.fetch }), "a/b");
        });
      },
    },
  ];
}
