/** How many threads the web engine may use in this page. */

export interface WebThreads {
  readonly threads: number;
  /** Why there is only one, for people: undefined where there may be more. */
  readonly limited?: string;
}

/** What decides about threads; a page or a worker's global scope. */
export interface WebScope {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

/**
 * Threads share memory, which browsers allow only to pages that are isolated from other origins (served with
 * Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp). Everywhere else it is one.
 */
export function webThreads(scope: WebScope = globalThis as WebScope, wanted = Infinity): WebThreads {
  if (!scope.crossOriginIsolated) {
    return { threads: 1, limited: "one thread: the page is not cross-origin isolated (COOP and COEP headers)" };
  }
  // Beyond eight the engine gains nothing on small models and takes cores from the page.
  return { threads: Math.max(1, Math.min(wanted, scope.navigator?.hardwareConcurrency ?? 1, 8)) };
}
