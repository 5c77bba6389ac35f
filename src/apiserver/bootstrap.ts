/** The objects that every cluster has before anybody creates one. */
import type { ResourceDef } from '../api/resource.ts'
import type { ApiRequest, ApiResponse } from './http.ts'
import { mastersGroup } from './stages/authenticate.ts'
import { systemNamespaces } from './stages/namespace-lifecycle.ts'

const self = { name: 'system:apiserver', groups: [mastersGroup] }

/** Through the front door, so that they are defaulted and validated like any other. Throws what the store throws. */
export async function bootstrap(
  server: { handle(request: ApiRequest): Promise<ApiResponse> },
  resources: readonly ResourceDef[],
): Promise<void> {
  if (!resources.some(({ group, plural }) => group === '' && plural === 'namespaces')) return
  await Promise.all(
    systemNamespaces.map(async (name) => {
      const path = `/api/v1/namespaces/${name}`
      const present = await server.handle({ method: 'GET', path, headers: {}, user: self })
      if (present.status === 200) return
      const body = Buffer.from(JSON.stringify({ kind: 'Namespace', apiVersion: 'v1', metadata: { name } }))
      const made = await server.handle({
        method: 'POST',
        path: '/api/v1/namespaces',
        headers: {},
        body,
        user: self,
      })
      // Another server on the same store may have been faster.
      if (made.status === 201 || made.status === 409) return
      throw new Error(
        `the namespace ${name} could not be created: the server answered ${made.status}; its log says why`,
      )
    }),
  )
}
