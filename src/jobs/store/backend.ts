/** Where a store's files lie: a folder, or a bucket of an S3-compatible service. */

export interface StoredFile {
  /** From the store's root, with slashes. */
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** What a commit needs of a place: a file is there whole or not at all, and only one of several writers creates it. */
export interface Backend {
  /** As a person wrote it: a folder, or s3://BUCKET/PREFIX. */
  readonly where: string;
  /** A file's content; undefined where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Its size in bytes; undefined where there is none. */
  size(path: string): Promise<number | undefined>;
  /** SHA-256 of its content in hexadecimal digits, read for it; undefined where there is none. */
  hash(path: string): Promise<string | undefined>;
  /** A copy on this machine's disk. */
  fetch(path: string, to: string): Promise<void>;
  /** Create a file of the content of one on this machine; false where there is one already, which stays as it is. */
  createFrom(path: string, file: string): Promise<boolean>;
  /** Replace a file, or create it, by one on this machine, which may be gone afterwards. */
  replaceFrom(path: string, file: string): Promise<void>;
  /** Move a file; nothing where there is none. */
  move(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Files below a folder, by their paths. */
  list(folder: string): AsyncIterable<StoredFile>;
}
