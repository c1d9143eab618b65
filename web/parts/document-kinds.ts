/** Ends of the documents that are read in a page. */
export const documentKinds = ".txt,.text,.md,.markdown,.html,.htm,.xhtml,.epub,.pdf";
