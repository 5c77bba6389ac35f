/** Notes what clients do and see, as `check.ts` wants it. The objects are ConfigMaps whose `data.id` names their last write. */
import type { History, List, Outcome, Read, Selects, Span, Version, Watch, Write } from './history.ts'
import { UnexpectedAnswer, type Answer, type Json } from './servers.ts'

export const namespaces = ['default', 'kube-public'] as const
export const pathOf = (namespace: string, name = ''): string =>
  `/api/v1/namespaces/${namespace}/configmaps${name === '' ? '' : `/${name}`}`
export const allPath = '/api/v1/configmaps'
export const pathOfKey = (key: string): string => {
  const [namespace = '', name = ''] = key.split('/')
  return pathOf(namespace, name)
}

export class Recorder {
  readonly writes: Write[] = []
  readonly reads: Read[] = []
  readonly lists: List[] = []
  readonly watches: Watch[] = []
  /** Each key's last version that anybody has seen: what clients with old knowledge act upon. */
  readonly seen = new Map<string, Version>()
  #count = 0

  get history(): History {
    return { writes: this.writes, reads: this.reads, lists: this.lists, watches: this.watches }
  }

  /** For all writes of a history together. */
  nextId(client: string): string {
    return `${client}-${++this.#count}`
  }

  async timed<T>(run: () => Promise<T>): Promise<{ readonly result: T | undefined; readonly span: Span }> {
    const start = performance.now()
    let result: T | undefined
    try {
      result = await run()
    } catch (error) {
      if (error instanceof UnexpectedAnswer) throw error
      // The connection broke: nobody knows what became of the request.
    }
    return { result, span: { start, end: performance.now() } }
  }

  see(version: Version): void {
    const known = this.seen.get(version.key)
    if (!known || known.revision < version.revision) this.seen.set(version.key, version)
  }
}

export const textIn = (value: unknown): string => (typeof value === 'string' ? value : '')

export function versionOf(object: Json | undefined): Version {
  const metadata = object?.['metadata'] ?? {}
  const labels = (metadata['labels'] ?? {}) as unknown as Record<string, string>
  return {
    key: `${textIn(metadata['namespace'])}/${textIn(metadata['name'])}`,
    revision: Number(metadata['resourceVersion']),
    uid: textIn(metadata['uid']),
    id: textIn(object?.['data']?.['id']),
    labels,
  }
}

export const isConfigMap = (body: Json): boolean => textIn(body['kind']) === 'ConfigMap'

/** Control loops keep a ConfigMap in each namespace, which is no part of a history. */
export const isForeign = ({ key }: Version): boolean => key.endsWith('/kube-root-ca.crt')

export const itemsOf = (list: Json): readonly Json[] =>
  ((list['items'] ?? []) as unknown as readonly Json[]).filter((item) => !isForeign(versionOf(item)))

/** Of an answer to a write. Without one, or where the server itself says so, the outcome is unknown. */
export function outcomeOf(answer: Answer | undefined): Outcome {
  if (!answer) return { is: 'unknown' }
  const { body, status } = answer
  if (status >= 500) return { is: 'unknown' }
  if (status >= 400) return { is: 'refused', why: `${status} ${textIn(body['message'])}` }
  if (textIn(body['kind']) === 'Status') return { is: 'done', uid: textIn(body['details']?.['uid']) }
  const { revision, uid } = versionOf(body)
  return { is: 'done', revision, uid }
}

/** Of `everything` in one namespace, or with labels; with the query that asks for it. */
export interface Choice {
  readonly path: string
  readonly query: string
  readonly selects: Selects
}

const hasLabel =
  (name: string, ...values: readonly string[]): Selects =>
  (_key, { labels }) =>
    values.includes(labels[name] ?? '')

/** The sentinel of a history, `default/k1` with all the labels, is in each of them: a watcher stops when it has come. */
export const choices: readonly Choice[] = [
  { path: allPath, query: '', selects: () => true },
  { path: pathOf('default'), query: '', selects: (key) => key.startsWith('default/') },
  { path: allPath, query: 'labelSelector=app%3Dweb', selects: hasLabel('app', 'web') },
  {
    path: pathOf('default'),
    query: 'labelSelector=tier%20in%20(a%2Cb)%2Capp!%3Ddb',
    selects: (key, state) =>
      key.startsWith('default/') && hasLabel('tier', 'a', 'b')(key, state) && state.labels['app'] !== 'db',
  },
  {
    path: pathOf('default'),
    query: 'fieldSelector=metadata.name%3Dk1',
    selects: (key) => key === 'default/k1',
  },
  {
    path: allPath,
    query: 'fieldSelector=metadata.name!%3Dk2%2Cmetadata.namespace%3Ddefault',
    selects: (key) => key.startsWith('default/') && key !== 'default/k2',
  },
]
export const sentinelKey = 'default/k1'
export const sentinelLabels = { app: 'web', tier: 'a', own: 'yes' }
/** Only ever added to. */
export const sumKeys: readonly string[] = ['default/sum-a', 'default/sum-b']
