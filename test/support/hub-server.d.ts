import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";

export interface HubRepo {
  files: Record<string, Buffer>;
  /** Files that lie in the store; by default those over 1,000 bytes. */
  lfs?: string[];
  commit?: string;
  revisions?: string[];
  /** Further entries of the listing, as they are. */
  hostile?: object[];
}

export interface Fault {
  status?: number;
  headers?: OutgoingHttpHeaders;
  body?: string;
  /** Break the connection after so many bytes of the body. */
  cut?: number;
  /** Say nothing more after so many bytes. */
  stall?: number;
  drip?: { bytes: number; pause: number };
  /** Bytes a second. */
  throttle?: number;
  ignoreRange?: boolean;
  /** Answer a range that begins so many bytes later. */
  shiftRange?: number;
  /** What Content-Range calls the whole. */
  total?: number;
  /** What Content-Length says. */
  announce?: number;
  chunked?: boolean;
  /** So many bytes more than there are. */
  extra?: number;
  /** So many bytes fewer, well ended. */
  short?: number;
  corrupt?: boolean;
  etag?: string;
  /** Base address the hub sends large files to. */
  to?: string;
  /** Another listing. */
  answer?: (answer: {
    sha: unknown;
    siblings: { rfilename: string; size?: unknown; blobId?: unknown; lfs?: object }[];
  }) => unknown;
}

export interface HubRequest {
  kind: "api" | "file" | "store";
  path: string;
  file: string | undefined;
  method: string;
  headers: IncomingHttpHeaders;
  at: number;
}

export interface HubServer {
  url: string;
  storeUrl: string;
  requests: HubRequest[];
  setFault(fault: (request: HubRequest & { count: number }) => Fault | undefined): void;
  close(): Promise<void>;
}

export function startHub(
  repos: Record<string, HubRepo>,
  options?: { fault?: (request: HubRequest & { count: number }) => Fault | undefined },
): Promise<HubServer>;
export function commitOf(files: Record<string, Buffer>): string;
export function sha256(data: Uint8Array): string;
export function gitSha1(data: Uint8Array): string;
