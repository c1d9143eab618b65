/** The floors of docs/architecture.md: imports go down only. Cruised over the compiled files, which keep every folder. */
const floors = {
  errors: [],
  graph: ["errors"],
  hub: ["errors", "graph"],
  runtime: ["errors", "graph", "hub"],
  nn: ["errors", "graph"],
  models: ["errors", "graph", "hub", "runtime", "nn"],
  train: ["errors", "graph", "hub", "runtime"],
  text: ["errors", "graph", "hub", "runtime", "nn", "models", "train"],
  cli: ["errors", "graph", "hub", "runtime", "nn", "models", "train", "text"],
};
const own = (room) => (room === "errors" ? "^dist/errors\\.js$" : `^dist/${room}/`);
const names = Object.keys(floors);

module.exports = {
  forbidden: [
    ...names.map((room) => ({
      name: `${room}-imports-down`,
      severity: "error",
      comment: `${room} may import ${floors[room].join(", ") || "nothing of the project"}`,
      from: { path: own(room) },
      to: {
        path: "^dist/",
        pathNot: [own(room), ...floors[room].map(own)],
      },
    })),
    {
      name: "no-circles",
      severity: "error",
      from: { path: "^dist/" },
      to: { circular: true },
    },
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
    exclude: { path: "\\.test\\.js$" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
