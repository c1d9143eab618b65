/** Types of what the test of the page needs. */
export interface Row {
  readonly name: string;
  readonly program: string;
  readonly layout: string;
  readonly measure: string;
  readonly precision: "fp32" | "int8" | "int4";
  readonly shape: string;
  readonly ms: number;
  readonly min: number;
  readonly max: number;
  readonly rss: number;
}

export interface Page {
  readonly results: readonly Row[];
  readonly limits: { readonly gflops: number; readonly gbps: number };
  readonly machine: Readonly<Record<string, string | number>>;
  readonly versions: Readonly<Record<string, string>>;
}

export function table(page: Page): string;
export function between(page: string, generated: string): string;
