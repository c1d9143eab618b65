/**
 * A hub on this machine: the listing, files from itself and large ones from a store at another origin, ranges, and
 * whatever a test wants to go wrong. Plain JavaScript, so that scripts can start it too.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const gitSha1 = (data) => createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");

/** A commit that follows from the content. */
const commitOf = (files) =>
  createHash("sha1")
    .update(
      Object.entries(files)
        .map(([name, data]) => `${name} ${gitSha1(data)}`)
        .join("\n"),
    )
    .digest("hex");

async function listen(handle) {
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Send a body as a fault wants it; `until` cuts it, `drip` sends small pieces with pauses, `stall` stops at a place. */
async function send(request, response, body, fault) {
  if (request.method === "HEAD") return response.end();
  const { cut, stall, drip, throttle } = fault;
  if (drip) {
    for (let at = 0; at < body.length && !response.destroyed; at += drip.bytes) {
      response.write(body.subarray(at, at + drip.bytes));
      await wait(drip.pause);
    }
    return response.end();
  }
  if (throttle) {
    const piece = Math.max(1, Math.round(throttle / 50));
    for (let at = 0; at < body.length && !response.destroyed; at += piece) {
      response.write(body.subarray(at, at + piece));
      await wait(20);
    }
    return response.end();
  }
  if (cut !== undefined || stall !== undefined) {
    response.write(body.subarray(0, cut ?? stall));
    await wait(20);
    if (cut !== undefined) response.destroy();
    return;
  }
  response.end(body);
}

/** Headers and body of a file, from a range on where one is asked for. */
function answerFile(request, response, data, etag, fault, more = {}) {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const whole = fault.ignoreRange || (request.headers["if-range"] ?? etag) !== etag;
  let body = fault.corrupt ? Buffer.from(data.map((byte) => byte ^ 1)) : data;
  if (fault.short) body = body.subarray(0, body.length - fault.short);
  if (fault.extra) body = Buffer.concat([body, Buffer.alloc(fault.extra)]);
  const headers = { "content-type": "application/octet-stream", "accept-ranges": "bytes", etag, ...more };
  let status = 200;
  if (range && !whole) {
    const from = Number(range[1]) + (fault.shiftRange ?? 0);
    if (from >= body.length) {
      response.writeHead(416, { "content-range": `bytes */${body.length}` });
      return response.end();
    }
    status = 206;
    headers["content-range"] = `bytes ${from}-${body.length - 1}/${fault.total ?? body.length}`;
    body = body.subarray(from);
  }
  if (!fault.chunked) headers["content-length"] = fault.announce ?? body.length;
  response.writeHead(status, { ...headers, ...fault.headers });
  return send(request, response, body, fault);
}

/**
 * @param repos name of each repository (a data set's with `datasets/` before it) with its files; those in `lfs` (default: over 1,000 bytes) lie in the store
 * @param options.fault called for each request with what it is for; what it gives goes wrong
 */
export async function startHub(repos, { fault: faultOf = () => undefined } = {}) {
  const requests = [];
  const state = { fault: faultOf };
  const isLarge = (repo, name) => repo.lfs?.includes(name) ?? repo.files[name].length > 1000;

  const find = (path) => {
    const name = Object.keys(repos).find((key) => path === `/${key}` || path.startsWith(`/${key}/`));
    return name && { name, repo: repos[name], rest: path.slice(name.length + 2) };
  };
  const note = (request, kind, file) => {
    const path = decodeURIComponent(request.url);
    const count = requests.filter((one) => one.kind === kind && one.file === file && one.method !== "HEAD").length + 1;
    const entry = { kind, path, file, method: request.method, headers: request.headers, at: Date.now(), sent: 0 };
    requests.push(entry);
    return { entry, fault: state.fault({ ...entry, count }) ?? {} };
  };
  const plain = (response, { status, headers = {}, body = "", drip }) => {
    response.writeHead(status, headers);
    return drip ? send({}, response, Buffer.alloc(10_000), { drip }) : response.end(body);
  };

  const store = await listen(async (request, response) => {
    const { pathname } = new URL(request.url, "http://store");
    const [, repoName, file] = pathname.split("/").map(decodeURIComponent);
    const { fault } = note(request, "store", file);
    if (fault.status) return plain(response, fault);
    const data = repos[repoName].files[file];
    return answerFile(request, response, data, fault.etag ?? `"store-${sha256(data).slice(0, 8)}"`, fault);
  });

  // Another host by name, as it is with the real hub.
  const storeUrl = store.url.replace("127.0.0.1", "localhost");

  const hub = await listen(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://hub");
    const api = /^\/api\/(?:models|(datasets))\//.exec(pathname);
    if (api) {
      const { fault } = note(request, "api", undefined);
      if (fault.status) return plain(response, fault);
      const found = find(api[1] ? pathname.slice("/api".length) : pathname.slice("/api/models".length));
      if (!found) return plain(response, { status: 401, headers: { "x-error-code": "RepoNotFound" } });
      const { name, repo, rest } = found;
      const commit = repo.commit ?? commitOf(repo.files);
      const [kind, revision = "main"] = rest.split("/").map(decodeURIComponent);
      if (![commit, "main", ...(repo.revisions ?? [])].includes(revision)) {
        return plain(response, { status: 404, headers: { "x-error-code": "RevisionNotFound" } });
      }
      const entries = Object.entries(repo.files).map(([path, data]) => ({
        path,
        size: data.length,
        oid: gitSha1(isLarge(repo, path) ? Buffer.from(`pointer ${sha256(data)}`) : data),
        lfs: isLarge(repo, path)
          ? { oid: sha256(data), sha256: sha256(data), size: data.length, pointerSize: 130 }
          : undefined,
      }));
      const answer =
        kind === "tree"
          ? entries.map((entry) => ({ type: "file", ...entry }))
          : {
              id: name,
              modelId: name,
              sha: commit,
              private: false,
              tags: [],
              downloads: 0,
              likes: 0,
              siblings: [
                ...entries.map(({ path, size, oid, lfs }) =>
                  searchParams.has("blobs") ? { rfilename: path, size, blobId: oid, lfs } : { rfilename: path },
                ),
                ...(repo.hostile ?? []),
              ],
            };
      const body = JSON.stringify(fault.answer ? fault.answer(answer) : answer);
      return answerFile(request, response, Buffer.from(body), '"listing"', fault, {
        "content-type": "application/json",
      });
    }
    const found = find(pathname);
    const [resolve, revision, ...parts] = found?.rest.split("/").map(decodeURIComponent) ?? [];
    const file = parts.join("/");
    const { fault } = note(request, "file", file);
    if (fault.status) return plain(response, fault);
    if (!found || resolve !== "resolve")
      return plain(response, { status: 404, headers: { "x-error-code": "RepoNotFound" } });
    const { name, repo } = found;
    const commit = repo.commit ?? commitOf(repo.files);
    const data = repo.files[file];
    const more = { "x-repo-commit": commit };
    if (!data) return plain(response, { status: 404, headers: { "x-error-code": "EntryNotFound", ...more } });
    if (![commit, "main", ...(repo.revisions ?? [])].includes(revision)) {
      return plain(response, { status: 404, headers: { "x-error-code": "RevisionNotFound" } });
    }
    if (!isLarge(repo, file)) return answerFile(request, response, data, `"${gitSha1(data)}"`, fault, more);
    response.writeHead(302, {
      ...more,
      "x-linked-etag": `"${sha256(data)}"`,
      "x-linked-size": data.length,
      location: `${fault.to ?? storeUrl}/${[name, file].map(encodeURIComponent).join("/")}`,
      ...fault.headers,
    });
    // A redirect has a body too, and it can drip like any other.
    return fault.drip ? send(request, response, Buffer.alloc(10_000), fault) : response.end();
  });

  return {
    url: hub.url,
    storeUrl,
    requests,
    /** Change what goes wrong from now on. */
    setFault(fault) {
      state.fault = fault;
    },
    async close() {
      for (const { server } of [hub, store]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

export { commitOf, gitSha1, sha256 };
