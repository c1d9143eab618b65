/** What the page and its worker say to each other. */

export type Ask =
  | { readonly kind: "open"; readonly base: string }
  | { readonly kind: "answer"; readonly prompt: string }
  | { readonly kind: "weigh"; readonly prompt: string; readonly choices: readonly string[] }
  | { readonly kind: "stop" };

export type Tell =
  | { readonly kind: "loading"; readonly received: number; readonly total: number | undefined }
  | { readonly kind: "ready"; readonly device: string; readonly threads: number; readonly limited: string | undefined }
  | { readonly kind: "piece"; readonly text: string }
  | { readonly kind: "weights"; readonly probabilities: readonly number[] }
  | { readonly kind: "done"; readonly tokens: number; readonly seconds: number; readonly stopped: boolean }
  | { readonly kind: "failed"; readonly message: string; readonly hint: string | undefined };
