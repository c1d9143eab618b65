export function traceOpens<T>(
  work: () => T | Promise<T>,
): Promise<{ readonly value?: T; readonly error?: unknown; readonly opened: readonly string[] }>;
