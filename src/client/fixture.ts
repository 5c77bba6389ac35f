/** A client for tests whose watches are scripts: each call to `watch` plays the next one. Other calls come from `calls`. */
import type { KubeObject } from '../api/meta.ts'
import { abortReason } from '../base/clock.ts'
import type { Client, ResourceClient, WatchEvent, WatchQuery } from './client.ts'

/** Events; an error that ends the watch; or a promise of either. A script that ends leaves the watch open until it is aborted. */
export type Script = readonly (WatchEvent<KubeObject> | Error | 'end' | Promise<unknown>)[]

export interface ScriptedClient extends Client {
  /** What each watch asked for, in order. */
  readonly queries: readonly WatchQuery[]
}

export function scriptedClient(
  scripts: readonly Script[],
  calls: Partial<ResourceClient<KubeObject>> = {},
): ScriptedClient {
  const queries: WatchQuery[] = []
  const missing = () => Promise.reject(new Error('not in the script'))
  const api = {
    get: missing,
    list: missing,
    create: missing,
    update: missing,
    updateStatus: missing,
    patch: missing,
    delete: missing,
    async *watch(query: WatchQuery) {
      const script = scripts[queries.length] ?? []
      queries.push(query)
      const aborted = new Promise<never>((_, reject) => {
        if (query.signal.aborted) reject(abortReason(query.signal))
        query.signal.addEventListener('abort', () => reject(abortReason(query.signal)), { once: true })
      })
      aborted.catch(() => {}) // a script that has ended doesn't care
      for (const step of script) {
        if (step === 'end') return
        if (step instanceof Promise) await Promise.race([step, aborted])
        else if (step instanceof Error) throw step
        else yield step
      }
      await aborted
    },
    ...calls,
  }
  return {
    queries,
    resource: <T extends KubeObject>() => api as unknown as ResourceClient<T>,
    request: missing,
    stream: missing,
  }
}

export interface ObjectFacts {
  readonly uid?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
}

export const object = (name: string, resourceVersion: number, facts: ObjectFacts = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name, uid: name, ...facts, resourceVersion: String(resourceVersion) },
})

type Type = 'ADDED' | 'MODIFIED' | 'DELETED'
export const event = (
  type: Type,
  name: string,
  resourceVersion: number,
  facts?: ObjectFacts,
): WatchEvent<KubeObject> => ({
  type,
  object: object(name, resourceVersion, facts),
})

export const bookmark = (resourceVersion: number, endsInitialEvents = false): WatchEvent<KubeObject> => ({
  type: 'BOOKMARK',
  object: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      resourceVersion: String(resourceVersion),
      ...(endsInitialEvents && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
    },
  },
})
