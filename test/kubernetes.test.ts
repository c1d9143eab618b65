/** The manifests for serving: what they name is there, and they ask for what the guide says. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../deploy/k8s", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
type Manifest = { readonly kind: string; readonly metadata?: { readonly name: string } } & Record<string, never>;
const read = (file: string) =>
  parseAllDocuments(readFileSync(join(root, file), "utf8")).map((one) => {
    expect(one.errors, file).toEqual([]);
    return one.toJS() as Manifest;
  });

test("every file that a kustomization names is there, and every manifest is named by one", () => {
  const named = files
    .filter((file) => file.endsWith("kustomization.yaml"))
    .flatMap((file) => {
      const { resources = [] } = read(file)[0] as unknown as { resources?: string[] };
      return resources
        .map((name) => join(dirname(file), name))
        .map((path) => (/\.yaml$/.test(path) ? path : join(path, "kustomization.yaml")));
    });
  expect(files).toEqual(expect.arrayContaining([...new Set(named)]));
  const manifests = files.filter((file) => !file.endsWith("kustomization.yaml"));
  expect(manifests.filter((file) => !named.includes(file))).toEqual([]);
});

test("a server: probes on the server's own routes and port, nothing it does not need", () => {
  const [deployment] = read("base/deployment.yaml") as unknown as [
    { spec: { template: { spec: Record<string, never> & { containers: Record<string, never>[] } } } },
  ];
  const { spec } = deployment.spec.template;
  expect(spec).toMatchObject({
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 120,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  });
  expect(spec.containers[0]).toMatchObject({
    ports: [{ containerPort: 8080 }],
    livenessProbe: { httpGet: { path: "/health" } },
    securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    resources: { requests: { memory: "4Gi" }, limits: { memory: "4Gi" } },
  });
  const probe = JSON.stringify(spec.containers[0]!.readinessProbe);
  expect(probe).toContain("http://127.0.0.1:8080/ready");
  expect(JSON.stringify(spec.containers[0]!.resources)).not.toMatch(/limits":\{"cpu/);
});

test("what is scaled by is a metric that the server has", () => {
  const [scaler] = read("components/autoscaling/scaler.yaml") as unknown as [
    { spec: { metrics: { pods: { metric: { name: string } } }[] } },
  ];
  const metrics = readFileSync(fileURLToPath(new URL("../src/server/metrics.ts", import.meta.url)), "utf8");
  expect(metrics).toContain(`"${scaler.spec.metrics[0]!.pods.metric.name}"`);
});
