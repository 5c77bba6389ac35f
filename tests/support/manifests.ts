/** Objects for tests, as small as they may be. */
import { join } from 'node:path'
import { stringify } from 'yaml'
import { root } from './cluster.ts'

/** An app of `tests/testdata/apps`. */
export const image = (app: string): string => `dir:${join(root, 'tests', 'testdata', 'apps', app)}`

/** YAML documents, as `kubectl -f -` reads them. */
export const yaml = (...objects: readonly object[]): string =>
  objects.map((object) => stringify(object)).join('---\n')

interface DeploymentOptions {
  readonly name: string
  readonly app?: string
  readonly replicas?: number
  readonly env?: Readonly<Record<string, string>>
  /** More of the container. */
  readonly container?: object
  /** More of the Deployment's spec. */
  readonly spec?: object
  readonly labels?: Readonly<Record<string, string>>
}

/** Ready means that it answers: what runs is an HTTP server on port 3000. */
export const deployment = ({ name, app = 'hello', replicas = 1, ...more }: DeploymentOptions) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { app: name, ...more.labels } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    ...more.spec,
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          {
            name,
            image: image(app),
            ports: [{ name: 'http', containerPort: 3000 }],
            readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
            ...(more.env && { env: envOf(more.env) }),
            ...more.container,
          },
        ],
      },
    },
  },
})

export const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: { app: name } },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})

/** Serves `HOST` through the gateway. */
export const ingress = (name: string, host: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name },
  spec: {
    rules: [
      {
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { name: 'http' } } } }],
        },
      },
    ],
  },
})

export const pod = (
  name: string,
  app: string,
  more: {
    readonly env?: Readonly<Record<string, string>>
    readonly spec?: object
    readonly labels?: object
  } = {},
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name, ...more.labels } },
  spec: {
    containers: [{ name: app, image: image(app), ...(more.env && { env: envOf(more.env) }) }],
    ...more.spec,
  },
})

export const configMap = (name: string, data: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

const envOf = (env: Readonly<Record<string, string>>) =>
  Object.entries(env).map(([name, value]) => ({ name, value }))
