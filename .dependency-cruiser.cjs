/** What the browser's entry reaches, over the compiled files: type-only imports of Node's parts are gone there. */
module.exports = {
  forbidden: [
    {
      name: "no-node-in-the-browser",
      severity: "error",
      comment: "what the browser entry reaches must run without Node",
      from: { path: "^dist/browser\\.js$" },
      to: {
        reachable: true,
        path: "^(node:|fs$|path$|os$|child_process$|worker_threads$|node_modules/onnxruntime-node)|-node\\.js$",
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "\\.test\\.js$|^dist/(node|web)/" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
