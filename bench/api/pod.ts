/** About the size of a pod that runs: a probe, an environment, requests. */
export const podOf = (name: string) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name,
    labels: { app: 'bench', tier: 'web', 'pod-template-hash': '6b7f' },
    annotations: { note: 'x'.repeat(200) },
  },
  spec: {
    nodeName: 'node-1',
    containers: [
      {
        name: 'main',
        image: 'npm:http-server@14.1.1',
        ports: [{ containerPort: 8080, name: 'http' }],
        env: Array.from({ length: 8 }, (_, i) => ({
          name: `VARIABLE_${i}`,
          value: `value of variable ${i}`,
        })),
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 } },
        resources: { requests: { cpu: '100m', memory: '64Mi' } },
      },
    ],
  },
})
