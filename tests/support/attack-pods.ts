/** Pods of an attacked cluster, watched: on a slow machine asking for them, by kubectl above all, would cost more than all the attacks. */
import { text } from 'node:stream/consumers'
import { sandboxAnnotation, type SandboxLevel } from '../../src/api/sandbox-level.ts'
import { events } from '../../src/api/resources/events.ts'
import { pods } from '../../src/api/resources/pods.ts'
import { secrets } from '../../src/api/resources/secrets.ts'
import type { Event, Pod, PodSpec, Secret } from '../../src/api/schema/types.gen.ts'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { httpTransport } from '../../src/client/transport-http.ts'
import { image } from './manifests.ts'

export interface AttackPods extends AsyncDisposable {
  /** One that ends once and for all. */
  start(name: string, level: SandboxLevel, spec: PodSpec): Promise<Pod>
  /** As it was last heard of. */
  get(name: string): Pod | undefined
  log(name: string): Promise<string>
  /** What events say of it. */
  messages(name: string): Promise<string>
  addSecret(name: string, values: Readonly<Record<string, string>>): Promise<void>
}

const namespace = 'default'

export async function openAttackPods(kubeconfig: string): Promise<AttackPods> {
  const transport = httpTransport(await readKubeconfig(kubeconfig))
  const client = restClient(transport, 'attacks')
  const known = new Map<string, Pod>()
  const stop = new AbortController()
  const watch = async () => {
    const query = { namespace, resourceVersion: '0', signal: stop.signal }
    for await (const { object } of client.resource<Pod>(pods).watch(query))
      known.set(object.metadata.name ?? '', object)
  }
  const watching = watch().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  return {
    async start(name, level, spec) {
      // The default is what those get who ask for nothing.
      const annotations = level === 'bubblewrap' ? {} : { [sandboxAnnotation]: level }
      return await client.resource<Pod>(pods).create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, annotations },
        spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, ...spec },
      })
    },
    get: (name) => known.get(name),
    log: async (name) =>
      await text(
        await client.stream({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods/${name}/log` }),
      ),
    async messages(name) {
      const { items } = await client.resource<Event>(events).list({ namespace })
      return items
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ message }) => message)
        .join('\n')
    },
    async addSecret(name, stringData) {
      await client
        .resource<Secret>(secrets)
        .create({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the attacks are over'))
      await watching
      await transport[Symbol.asyncDispose]()
    },
  }
}

/** A container of one that is written here. */
export const program = (name: string, source: string) => ({
  name,
  image: image('hello'),
  command: ['node', '--eval', source],
})
