/** What a hub says to a pull: who may read, where it sends us, and what it lists. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Fault, gitSha1, sha256 } from "../../../test/support/hub-server.js";
import { commit, expectWhole, failure, files, noise, pulls, repo } from "../../../test/support/pull.ts";

const start = pulls("listed");

describe("who may read", () => {
  test("the token goes to the hub, and to no other host or port", async () => {
    const { hub, env, cache, go } = await start();
    env.HF_TOKEN = "hf_secret";
    await go();
    expectWhole(cache);
    for (const { kind, headers } of hub.requests) {
      expect([kind, headers.authorization]).toEqual([kind, kind === "store" ? undefined : "Bearer hf_secret"]);
    }
  });

  test.each<[string, Fault, RegExp, RegExp]>([
    [
      "gated",
      { status: 403, headers: { "x-error-code": "GatedRepo" } },
      /access is restricted/,
      /ask for access on http.*set HF_TOKEN/,
    ],
    [
      "gated, unnamed",
      { status: 401, headers: { "x-error-code": "GatedRepo" } },
      /access is restricted/,
      /ask for access/,
    ],
    [
      "private or missing",
      { status: 401, headers: { "x-error-code": "RepoNotFound" } },
      /no such repository, or a private one/,
      /HF_TOKEN/,
    ],
    ["missing", { status: 404, headers: { "x-error-code": "RepoNotFound" } }, /no such repository/, /check the name/],
    [
      "no such revision",
      { status: 404, headers: { "x-error-code": "RevisionNotFound" } },
      /no revision "main"/,
      /branches and tags/,
    ],
  ])("%s", async (_, fault, message, hint) => {
    const { hub, env, go } = await start(({ kind }) => (kind === "api" ? fault : undefined));
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(hub.requests.length).toBe(1);
    env.HF_TOKEN = "hf_secret";
    const refused = await failure(go());
    expect(refused.code).toBe("not_found");
    expect(`${refused.message} ${refused.hint}`).not.toContain("hf_secret");
  });

  test("a file that is listed and not there", async () => {
    const { go } = await start(({ kind, file }) =>
      kind === "file" && file === "model.safetensors"
        ? { status: 404, headers: { "x-error-code": "EntryNotFound" } }
        : undefined,
    );
    expect(await failure(go())).toMatchObject({
      code: "not_found",
      message: expect.stringMatching(/model\.safetensors: the file is not there/),
    });
  });

  test("a redirect from the open network into this machine is not followed", async () => {
    const { env, go } = await start();
    env.HF_ENDPOINT = "https://hub.example";
    for (const location of ["https://127.0.0.1/x", "http://store.example/x", "https://[::1]/x", "file:///etc/passwd"]) {
      const asked: string[] = [];
      const fetch = async (address: string) => {
        asked.push(address);
        return new Response(null, { status: 302, headers: { location } });
      };
      expect((await failure(go("acme/tiny", { fetch }))).message).toMatch(/is not followed/);
      expect(asked.length).toBe(1);
    }
  });

  test("a redirect in a circle ends", async () => {
    const { hub, go } = await start(({ kind }) =>
      kind === "api" ? { status: 302, headers: { location: "?again" } } : undefined,
    );
    expect(await failure(go())).toMatchObject({ code: "corrupt_file", message: expect.stringMatching(/without end/) });
    expect(hub.requests.length).toBe(6);
  });
});

describe("what is listed", () => {
  test("hostile names never reach the disk", async () => {
    const names = [
      "../../evil",
      "/etc/evil",
      "a/../../evil",
      "C:\\evil",
      "..\\evil",
      "evil\u0000",
      "CON",
      "aux.json",
      "a//b",
      "a/./b",
      "x".repeat(300),
      "evil.",
      "evil ",
      "\u202eevil",
      "a:b",
      "nul/x",
    ];
    const hostile = names.map((rfilename) => ({ rfilename, size: 4, blobId: gitSha1(Buffer.from("evil")) }));
    const { home, cache, go } = await start(undefined, { "acme/tiny": { ...repo, hostile } });
    await go();
    expectWhole(cache);
    expect(await failure(go("acme/tiny", { include: ["*evil*"] }))).toMatchObject({ code: "corrupt_file" });
    expect(readdirSync(home, { recursive: true }).filter((name) => String(name).includes("evil"))).toEqual([]);
  });

  test.each<
    [
      string,
      (answer: {
        sha: unknown;
        siblings: { rfilename: string; size?: unknown; blobId?: unknown; lfs?: object }[];
      }) => unknown,
    ]
  >([
    ["a commit that leads away", (answer) => ({ ...answer, sha: "../../../evil" })],
    ["no commit", ({ siblings }) => ({ siblings })],
    ["no files", ({ sha }) => ({ sha, siblings: "none" })],
    [
      "a hash that leads away",
      (answer) => ({
        ...answer,
        siblings: answer.siblings.map((one) => ({ ...one, lfs: undefined, blobId: "../../evil" })),
      }),
    ],
    [
      "a large file's hash that leads away",
      (answer) => ({ ...answer, siblings: [{ rfilename: "config.json", lfs: { sha256: "/etc/x", size: 3 } }] }),
    ],
    [
      "a negative size",
      (answer) => ({ ...answer, siblings: answer.siblings.map((one) => ({ ...one, lfs: undefined, size: -1 })) }),
    ],
    [
      "a size that is no number",
      (answer) => ({ ...answer, siblings: answer.siblings.map((one) => ({ ...one, lfs: undefined, size: "1e9" })) }),
    ],
    [
      "one name twice",
      (answer) => ({
        ...answer,
        siblings: [...answer.siblings, { rfilename: "config.json", size: 3, blobId: "0".repeat(40) }],
      }),
    ],
    ["an array", () => []],
    ["a name that is none", ({ sha }) => ({ sha, siblings: [{ rfilename: 7 }] })],
  ])("%s is refused before anything is written", async (_, answer) => {
    const { hub, cache, go } = await start(({ kind }) => (kind === "api" ? { answer } : undefined));
    expect((await failure(go())).code).toBe("corrupt_file");
    expect(existsSync(cache)).toBe(false);
    expect(hub.requests.length).toBe(1);
  });

  test("PyTorch's weights when there are no others, shards with their index, never other frameworks", async () => {
    const shard = (n: number) => `pytorch_model-0000${n}-of-00002.bin`;
    const sharded = {
      "config.json": files["config.json"]!,
      "spiece.model": noise(2000, 9),
      "pytorch_model.bin.index.json": Buffer.from("{}"),
      [shard(1)]: noise(5000, 10),
      [shard(2)]: noise(5000, 11),
      "tf_model.h5": noise(2000, 12),
      "rust_model.ot": noise(2000, 13),
    };
    const { go } = await start(undefined, { "acme/tiny": { files: sharded } });
    const { files: rows } = await go();
    expect(rows.map(({ file }) => file).sort()).toEqual(
      ["config.json", "spiece.model", "pytorch_model.bin.index.json", shard(1), shard(2)].sort(),
    );
  });

  test("what is asked for by pattern, folders too", async () => {
    const { cache, go } = await start();
    await go("acme/tiny@v1", { include: ["onnx/*", "*.h5"] });
    const snapshot = join(cache, "snapshots", commit);
    expect(readdirSync(snapshot, { recursive: true }).sort()).toEqual(["onnx", "onnx/model.onnx", "tf_model.h5"]);
    expect(readlinkSync(join(snapshot, "onnx", "model.onnx"))).toBe(
      `../../../blobs/${sha256(files["onnx/model.onnx"]!)}`,
    );
    expect(readFileSync(join(cache, "refs", "v1"), "utf8")).toBe(commit);
    expect(await failure(go("acme/tiny", { include: ["*.gguf"] }))).toMatchObject({
      code: "not_found",
      hint: expect.stringMatching(/config\.json/),
    });
  });
});
