/**
 * What upstream's scripts run against: an API server without nodes, and of the controllers the one that upstream's server
 * has inside; and a namespace of the script's own with the account that pods need. Everybody may do everything.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resources } from '../../../src/api/table.ts'
import { listenApi } from '../../../src/apiserver/listen.ts'
import { openApiServer } from '../../../src/apiserver/server.ts'
import { realClock } from '../../../src/base/clock.ts'
import { realRandom } from '../../../src/base/ids.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { runController } from '../../../src/client/controller.ts'
import { openInformers } from '../../../src/client/informers.ts'
import { restClient } from '../../../src/client/rest-client.ts'
import { localTransport } from '../../../src/client/transport-local.ts'
import { crdController } from '../../../src/controllers/crd.ts'
import { openMemoryStore } from '../../../src/store/memory/memory-store.ts'

/** Whom upstream's scripts expect `auth whoami` to name. */
const user = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

export interface ScriptApi extends AsyncDisposable {
  readonly kubeconfig: string
}

/** Writes the kubeconfig into `folder`. */
export async function openScriptApi(folder: string, namespace: string): Promise<ScriptApi> {
  await using stack = new AsyncDisposableStack()
  const common = { clock: realClock, logger: silentLogger, random: realRandom }
  const store = stack.use(await openMemoryStore(common))
  const server = stack.use(
    await openApiServer({
      ...common,
      store,
      resources,
      authenticate: () => user,
      defaultRoles: true,
    }),
  )
  const listener = stack.use(await listenApi({ ...common, server, http: { host: '127.0.0.1', port: 0 } }))
  const client = restClient(
    localTransport((request) => server.handle(request), user),
    'script',
  )
  const loop = { ...common, client, informers: stack.use(openInformers({ ...common, client })) }
  const end = new AbortController()
  const running = runController(crdController, loop, end.signal)
  stack.defer(async () => {
    end.abort()
    await running
  })
  const create = async (path: string, object: object) => {
    const headers = { 'content-type': 'application/json' }
    const body = Buffer.from(JSON.stringify(object))
    const { status } = await server.handle({ method: 'POST', path, headers, body })
    if (status !== 201) throw new Error(`POST ${path} is answered ${status}`)
  }
  await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await create(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default' },
  })
  await create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'everybody' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
  })
  const kubeconfig = join(folder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'script',
    clusters: [{ name: 'script', cluster: { server: `http://127.0.0.1:${listener.httpPort}` } }],
    contexts: [{ name: 'script', context: { cluster: 'script', namespace } }],
  }
  writeFileSync(kubeconfig, JSON.stringify(config))
  const owned = stack.move()
  return { kubeconfig, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
