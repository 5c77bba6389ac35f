/** Requests that are about the server, not about an object: discovery, OpenAPI, health, version. */
import type { ResourceDef } from '../api/resource.ts'
import { methodNotAllowed, unknownResource } from '../api/status.ts'
import { metricsContentType, type Metrics } from '../base/metrics.ts'
import { kubernetesVersion } from '../base/version.ts'
import type { ResourceTable } from './crd-table.ts'
import { discoveryDocument } from './discovery.ts'
import { health, type HealthChecks } from './health.ts'
import type { ApiRequest, ApiResponse } from './http.ts'
import { openApiDocuments, type OpenApiDocuments } from './openapi.ts'
import { openApiV2 } from './openapi-v2.ts'
import type { RequestInfo } from './request-info.ts'
import { bytesResponse, jsonResponse } from './respond.ts'
import { nothing, tagged } from './tagged.ts'
import type { TokenSigner } from './stages/service-account-tokens.ts'

export interface ServerPaths {
  /** Throws NotFound for a path nobody knows, MethodNotAllowed for writes. */
  serve(request: ApiRequest, info: RequestInfo): Promise<ApiResponse>
}

export interface ServerPathsOptions {
  readonly checks: HealthChecks
  readonly metrics: Pick<Metrics, 'render'>
  readonly signer: TokenSigner | undefined
  readonly own: OwnPaths | undefined
}

/** What the server offers beyond Kubernetes' API, by exact path. Who may ask is decided by RBAC's nonResourceURLs. */
export type OwnPaths = ReadonlyMap<string, (request: ApiRequest) => Promise<ApiResponse>>

export function serverPaths(
  table: Pick<ResourceTable, 'all'>,
  { checks, metrics, signer, own }: ServerPathsOptions,
): ServerPaths {
  // Made late: a server that nobody asks never pays. Made anew when the resources have changed.
  let documents: OpenApiDocuments | undefined
  return {
    async serve(request, info) {
      const handler = own?.get(info.path)
      if (handler) return handler(request)
      if (info.method !== 'GET' && info.method !== 'HEAD') throw methodNotAllowed()
      const path = withoutTrailingSlashes(info.path)
      const [root] = path.split('/').filter((segment) => segment !== '')
      switch (root) {
        case undefined:
          return jsonResponse(200, { paths: knownPaths(table.all) })
        case 'version':
          return jsonResponse(200, versionDocument())
        case 'healthz':
        case 'livez':
        case 'readyz': {
          const answer = await health(path, info.query, checks)
          if (answer) return answer
          break
        }
        case 'metrics':
          if (path !== '/metrics') break
          return bytesResponse(200, metricsContentType, [Buffer.from(metrics.render())])
        case 'api':
        case 'apis': {
          const document = discoveryDocument(path, request.headers['accept'], table.all)
          if (document)
            return tagged(request, Buffer.from(JSON.stringify(document.body)), document.contentType)
          break
        }
        case '.well-known':
        case 'openid': {
          const document = signer && issuerDocument(path, signer)
          if (document)
            return tagged(request, Buffer.from(JSON.stringify(document.body)), document.contentType)
          break
        }
        case 'openapi':
          if (documents?.resources !== table.all) documents = openApiDocuments(table.all, documents)
          return openApi(request, info, path, documents)
      }
      throw unknownResource()
    },
  }
}

/** By hand: a regular expression takes the square of a run of slashes, and anybody may send one. */
function withoutTrailingSlashes(path: string): string {
  let end = path.length
  while (end > 1 && path[end - 1] === '/') end--
  return path.slice(0, end)
}

async function openApi(
  request: ApiRequest,
  { query }: RequestInfo,
  path: string,
  documents: OpenApiDocuments,
): Promise<ApiResponse> {
  if (path === '/openapi/v3')
    return tagged(request, Buffer.from(JSON.stringify(await documents.index())), 'application/json')
  if (path === '/openapi/v2') return openApiV2(request, documents)
  const document = path.startsWith('/openapi/v3/')
    ? await documents.find(path.slice('/openapi/v3/'.length))
    : undefined
  if (!document) throw unknownResource()
  const { bytes, hash } = document
  const asked = query.get('hash')
  // Whoever keeps what it finds here keeps it for ever: as upstream, the right address for it.
  if (asked !== null && asked !== '' && asked !== hash) {
    const location = `${path}?hash=${hash}`
    return { status: 301, headers: { location, 'content-length': '0' }, body: nothing() }
  }
  const cache = asked === hash ? 'public, immutable, max-age=31536000' : 'no-cache, private'
  return tagged(request, bytes, 'application/json', { hash, cache })
}

/** By which others check service accounts' tokens (OpenID Connect Discovery 1.0, RFC 7517). */
function issuerDocument(path: string, { issuer, keys }: TokenSigner) {
  if (path === '/openid/v1/jwks') return { contentType: 'application/jwk-set+json', body: { keys } }
  if (path !== '/.well-known/openid-configuration') return undefined
  const body = {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  }
  return { contentType: 'application/json', body }
}

const versionDocument = () => ({
  ...kubernetesVersion,
  emulationMajor: kubernetesVersion.major,
  emulationMinor: kubernetesVersion.minor,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: `node ${process.version}`,
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
})

const knownPaths = (resources: readonly ResourceDef[]): string[] => [
  ...new Set([
    '/.well-known/openid-configuration',
    '/api',
    '/apis',
    ...resources.flatMap(({ group, version }) =>
      group === '' ? [`/api/${version}`] : [`/apis/${group}`, `/apis/${group}/${version}`],
    ),
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openid/v1/jwks',
    '/readyz',
    '/version',
  ]),
]
