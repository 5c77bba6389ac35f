/** What clients of Kubernetes put on the wire, as rows of a table, and the check of one row. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Api, ApiAnswer } from '../api.ts'

export interface Row {
  /** What the client wants with it. */
  readonly what: string
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly status: number
  /** Content type of the answer; default: `application/json`. */
  readonly type?: string
  /** The object at the path has the same resourceVersion before and after. */
  readonly unchanged?: true
  /** Part of the answer's body. */
  readonly shape?: object
  // oxlint-disable-next-line typescript/no-explicit-any -- answers have every shape
  readonly check?: (body: any, answer: ApiAnswer) => void
}

/** The rows of one client are one after the other: later ones build on earlier ones. */
export function requestsOf(client: string, api: () => Api, rows: readonly Row[]): void {
  test(`${client}: ${rows.length} requests`, async (t) => {
    for (const row of rows) await t.test(row.what, () => verify(api(), row))
  })
}

async function verify(api: Api, row: Row): Promise<void> {
  const { status, type = 'application/json', shape, check, unchanged, what: _, ...ask } = row
  const [path = ''] = ask.path.split('?')
  const before = unchanged && (await versionOf(api, path))
  const answer = await api.ask(ask)
  if (unchanged) assert.equal(await versionOf(api, path), before, 'the version has changed')
  const said = `${ask.method ?? 'GET'} ${ask.path}: ${answer.body.slice(0, 600)}`
  assert.equal(answer.status, status, said)
  if (status !== 304) assert.equal(answer.headers['content-type'] ?? '', type, said)
  const body: unknown =
    type.startsWith('application/json') && answer.body !== '' ? JSON.parse(answer.body) : answer.body
  if (shape) assert.partialDeepStrictEqual(body, shape, said)
  check?.(body, answer)
}

async function versionOf(api: Api, path: string): Promise<unknown> {
  const { body } = await api.ask({ path })
  return (JSON.parse(body) as { readonly metadata?: { readonly resourceVersion?: string } }).metadata
    ?.resourceVersion
}

const meta = (as: string, version = 'v1') => `application/json;as=${as};v=${version};g=meta.k8s.io`

/** `Accept` as the clients send it. */
export const accepts = {
  table: `${meta('Table')},${meta('Table', 'v1beta1')},application/json`,
  tableBeta: meta('Table', 'v1beta1'),
  /** client-go's typed clients. */
  typed: 'application/vnd.kubernetes.protobuf,application/json',
  /** Typed clients of client-go before 1.31, and Prometheus. */
  typedAny: 'application/vnd.kubernetes.protobuf, */*',
  metadata:
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,' +
    'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
  metadataList:
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,' +
    'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
  discovery:
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,' +
    'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json',
  /** client-go with the CBOR gate on. */
  cbor: 'application/cbor;q=1,application/json;q=0.9',
  openApiV2: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
} as const

export const patches = {
  apply: { 'content-type': 'application/apply-patch+yaml' },
  json: { 'content-type': 'application/json-patch+json' },
  merge: { 'content-type': 'application/merge-patch+json' },
  strategic: { 'content-type': 'application/strategic-merge-patch+json' },
} as const

export const configMap = (name: string, data: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
})

/** May I …? As k9s and Headlamp ask before they show anything. */
export const accessReview = (resourceAttributes: object) => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  spec: { resourceAttributes },
})

export const core = '/api/v1/namespaces/default'
export const apps = '/apis/apps/v1/namespaces/default'
export const widgets = '/apis/example.com/v1/namespaces/default/widgets'
export const ssar = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'

export const notFound = (group: string, kind: string, name: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'NotFound',
  message: `${kind}${group && `.${group}`} "${name}" not found`,
  details: { name, kind, ...(group && { group }) },
  code: 404,
})
