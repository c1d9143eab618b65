/// <reference types="vite/client" />

/** Names of the files of the embedded model's folder, known when the page is built. */
declare const MODEL_FILES: readonly string[];
