/**
 * A store in a bucket of S3 or of a service that speaks its protocol. Who creates is decided by the service: a PUT with
 * `If-None-Match: *` is refused where there is an object already. Credentials, region and endpoint come from where
 * Amazon's tools look (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, a pod's role, …).
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { makeFolder } from "../../base/files-node.ts";
import { fail } from "../../errors.ts";
import type { Backend } from "./backend.ts";

/** Bucket and prefix of s3://BUCKET/PREFIX. @throws wrong_use */
export function s3Place(url: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/.exec(url) ?? [];
  if (bucket === undefined) {
    return fail("wrong_use", `${url} names no bucket`, { hint: "for example s3://my-bucket/zeroth" });
  }
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

/** A client as the environment says. One with an endpoint of its own is asked by paths, which every such service takes. */
export function s3Client(env: Readonly<Record<string, string | undefined>> = process.env): S3Client {
  // The client tells about versions of Node to come; which ones this package runs on it says itself.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  return new S3Client({
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "us-east-1",
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    // Checksums at the end of a stream are Amazon's alone.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

const status = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

/** What the service says as an error a person can act on. */
function explained(error: unknown, where: string): never {
  const { name, message } = error as Error;
  const code = status(error);
  if (code === 403 || name === "CredentialsProviderError") {
    return fail("bad_input", `the service refuses: ${message}`, {
      where,
      hint: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role, must be allowed to read and write there",
      cause: error,
    });
  }
  if (name === "NoSuchBucket") return fail("not_found", "there is no such bucket", { where, cause: error });
  // The network, or the service for now: what waits and comes again may succeed.
  return fail("storage_failed", `${name}: ${message}`, {
    where,
    hint: "check the connection; AWS_ENDPOINT_URL names a service that is not Amazon's",
    cause: error,
  });
}

/** Bytes up to which a file is sent from memory: what is a stream cannot be sent a second time. */
const inMemory = 64 << 20;

/** @param url s3://BUCKET/PREFIX */
export function s3Backend(url: string, client: S3Client = s3Client()): Backend {
  const { bucket: Bucket, prefix } = s3Place(url);
  const at = (path: string) => ({ Bucket, Key: prefix + path });

  /** undefined where there is no such object. */
  async function orNone<T>(path: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (status(error) === 404 && (error as Error).name !== "NoSuchBucket") return undefined;
      return explained(error, `${url}/${path}`);
    }
  }
  const body = (path: string) =>
    orNone(path, async () => (await client.send(new GetObjectCommand(at(path)))).Body as Readable);

  const content = (file: string) => {
    const ContentLength = statSync(file).size;
    return { Body: ContentLength <= inMemory ? readFileSync(file) : createReadStream(file), ContentLength };
  };

  async function create(path: string, file: string): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      try {
        await client.send(new PutObjectCommand({ ...at(path), ...content(file), IfNoneMatch: "*" }));
        return true;
      } catch (error) {
        if (status(error) === 412) return false;
        // 409: another writer is at it at this moment.
        if (status(error) !== 409 || tries >= 10) return explained(error, `${url}/${path}`);
        await new Promise((resolve) => setTimeout(resolve, 100 * (tries + 1)));
      }
    }
  }

  return {
    where: url,
    read: (path) =>
      orNone(path, async () => (await client.send(new GetObjectCommand(at(path)))).Body!.transformToByteArray()),
    size: (path) => orNone(path, async () => (await client.send(new HeadObjectCommand(at(path)))).ContentLength ?? 0),
    async hash(path) {
      const stream = await body(path);
      if (stream === undefined) return undefined;
      const hash = createHash("sha256");
      for await (const piece of stream) hash.update(piece as Uint8Array);
      return hash.digest("hex");
    },
    async fetch(path, to) {
      const stream = (await body(path)) ?? fail("not_found", "is not there", { where: `${url}/${path}` });
      makeFolder(dirname(to));
      await pipeline(stream, createWriteStream(to));
    },
    createFrom: create,
    async replaceFrom(path, file) {
      await client
        .send(new PutObjectCommand({ ...at(path), ...content(file) }))
        .catch((error) => explained(error, `${url}/${path}`));
    },
    async move(from, to) {
      const CopySource = `${Bucket}/${encodeURIComponent(prefix + from).replaceAll("%2F", "/")}`;
      const moved = await orNone(from, () => client.send(new CopyObjectCommand({ ...at(to), CopySource })));
      if (moved) await client.send(new DeleteObjectCommand(at(from)));
    },
    async remove(path) {
      await orNone(path, () => client.send(new DeleteObjectCommand(at(path))));
    },
    async *list(folder) {
      let ContinuationToken: string | undefined;
      do {
        const page = await client
          .send(new ListObjectsV2Command({ Bucket, Prefix: `${prefix}${folder}/`, ContinuationToken }))
          .catch((error) => explained(error, url));
        for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
          yield { path: Key.slice(prefix.length), bytes: Size, modified: LastModified?.getTime() ?? 0 };
        }
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
    },
  };
}
