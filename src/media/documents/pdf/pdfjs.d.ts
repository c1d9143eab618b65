/** What a page's thread runs; the package has no types of it. It is only handed on. */
declare module "pdfjs-dist/legacy/build/pdf.worker.mjs" {
  export const WorkerMessageHandler: object;
}
