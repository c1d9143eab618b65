/** Ways that messages go back to Dagster: a file, a stream, numbered files of a folder, numbered objects of a bucket. */
import { appendFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../base/json.ts";
import { fail } from "../../errors.ts";

export interface Channel {
  /** Longest message in bytes that arrives whole; longer ones are made shorter. */
  readonly longest: number;
  /** A stream that is also a person's: what else is printed there stands between messages. */
  readonly stream: "stdout" | "stderr" | undefined;
  /** One message, as a line without its end. Written before this returns, where the way allows it. */
  write(line: string): void;
  /** Write what waits, as far as that is possible at once. */
  flush(): void;
  /** Write what waits. */
  close(): Promise<void>;
}

/** Docker and Kubernetes cut lines of their logs at 16 KiB. */
const longestLine = 8 << 10;
const noLimit = 64 << 20;

/** All bytes, also where the reader is slow and the descriptor does not wait. */
function writeWhole(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0, tries = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || tries++ > 5000) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

const descriptors = { stdout: 1, stderr: 2 } as const;

function streamName(value: unknown): "stdout" | "stderr" {
  return value === "stdout" || value === "stderr"
    ? value
    : fail("wrong_use", `Dagster's messages are to go to ${JSON.stringify(value)}; expected stdout or stderr`);
}

const fileChannel = (path: string): Channel => ({
  longest: noLimit,
  stream: undefined,
  write: (line) => appendFileSync(path, `${line}\n`),
  flush: () => {},
  close: async () => {},
});

const streamChannel = (name: "stdout" | "stderr"): Channel => ({
  longest: longestLine,
  stream: name,
  write: (line) => writeWhole(descriptors[name], Buffer.from(`${line}\n`)),
  flush: () => {},
  close: async () => {},
});

function bufferedStream(name: "stdout" | "stderr"): Channel {
  const own = streamChannel(name);
  const lines: string[] = [];
  const flush = () => {
    for (const line of lines.splice(0)) own.write(line);
  };
  return { ...own, write: (line) => void lines.push(line), flush, close: async () => flush() };
}

/**
 * Messages in numbered pieces, from 1 without a gap. Lines are joined, and the last one has no end: the reader parses
 * what stands after it, too.
 * @param put stores a piece; what it returns is waited for before the next one
 */
function pieces(put: (name: string, content: string) => void | Promise<void>, every: number): Channel {
  const lines: string[] = [];
  let number = 0;
  let before: Promise<void> = Promise.resolve();
  const flush = () => {
    if (lines.length === 0) return;
    const content = lines.splice(0).join("\n");
    const name = `${++number}.json`;
    before = before.then(() => put(name, content));
    // What fails is told when the channel is closed, and no piece follows it: until then nobody waits.
    before.catch(() => {});
  };
  const timer = setInterval(flush, every);
  timer.unref();
  return {
    longest: noLimit,
    stream: undefined,
    write: (line) => void lines.push(line),
    flush,
    async close() {
      clearInterval(timer);
      flush();
      await before;
    },
  };
}

/** Numbered files of a folder: written at once, so that also what ends suddenly leaves its last words. */
function folderChannel(path: string, every: number): Channel {
  const lines: string[] = [];
  let number = 0;
  const flush = () => {
    if (lines.length > 0) writeFileSync(join(path, `${++number}.json`), lines.splice(0).join("\n"));
  };
  const timer = setInterval(flush, every);
  timer.unref();
  const close = async () => {
    clearInterval(timer);
    flush();
  };
  return { longest: noLimit, stream: undefined, write: (line) => void lines.push(line), flush, close };
}

async function bucketChannel(bucket: string, prefix: string | undefined, every: number): Promise<Channel> {
  const { PutObjectCommand } = await import("@aws-sdk/client-s3");
  const { s3Client } = await import("../store/s3-node.ts");
  const client = s3Client();
  return pieces(async (name, content) => {
    const Key = prefix === undefined ? name : `${prefix}/${name}`;
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: content }));
  }, every);
}

/** Milliseconds between pieces. */
const usualPause = 10_000;

/** The way that Dagster's parameters name. @throws wrong_use for one that is not known */
export async function openChannel(params: JsonObject, every = usualPause): Promise<Channel> {
  const { path, stdio, buffered_stdio: buffered, bucket, key_prefix: prefix } = params;
  if (typeof path === "string") {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? folderChannel(path, every) : fileChannel(path);
  }
  if (stdio !== undefined) return streamChannel(streamName(stdio));
  if (buffered !== undefined) return bufferedStream(streamName(buffered));
  if (typeof bucket === "string") {
    return bucketChannel(bucket, typeof prefix === "string" ? prefix : undefined, every);
  }
  return fail("wrong_use", `Dagster's messages are to go a way that is not known: ${Object.keys(params).join(", ")}`, {
    hint: "known are a file or folder (path), stdio, buffered_stdio and a bucket of S3",
  });
}
