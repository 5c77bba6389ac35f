/** Clients that change ConfigMaps in every way the API has, with and without saying what must have been there. */
import type { Random } from '../../../src/base/ids.ts'
import type { Version, Write } from './history.ts'
import {
  isConfigMap,
  itemsOf,
  namespaces,
  outcomeOf,
  pathOf,
  pathOfKey,
  versionOf,
  type Recorder,
} from './recorder.ts'
import { awhile, type Answer, type Api, type Ask, type Json } from './servers.ts'

export interface ClientOptions {
  readonly name: string
  readonly servers: Api
  readonly recorder: Recorder
  readonly random: Random
}

const jsonPatch = 'application/json-patch+json'
const mergePatch = 'application/merge-patch+json'
const strategicPatch = 'application/strategic-merge-patch+json'
const applyPatch = 'application/apply-patch+yaml'

interface Wish {
  readonly key: string
  readonly how: Write['how']
  readonly expected?: number | undefined
  readonly ask: Ask
  readonly id: string
}

const namesMax = 6
const attemptsMax = 200

export class Writer {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = options
  }

  async go(operations: number): Promise<void> {
    for (let i = 0; i < operations; i++) await this.#one()
  }

  async #one(): Promise<void> {
    const key = this.#key()
    const choice = this.#options.random.float()
    if (choice < 0.2) return void (await this.#create(key))
    if (choice < 0.3) return void (await this.#apply(key))
    if (choice < 0.42) return this.#patch(key)
    if (choice < 0.56) return this.#replace(key)
    if (choice < 0.68) return this.#swapOldKnowledge(key)
    if (choice < 0.76) return this.#touch(key)
    if (choice < 0.86) return this.#delete(key)
    if (choice < 0.88) return this.#deleteSome()
    return this.#increment(this.#options.random.float() < 0.5 ? 'default/sum-a' : 'default/sum-b')
  }

  /** The same key for all, so that they meet. */
  #key(): string {
    const { random } = this.#options
    return `${this.#pick(namespaces)}/k${Math.floor(random.float() * namesMax)}`
  }

  #pick<T>(all: readonly [T, ...T[]]): T {
    return all[Math.floor(this.#options.random.float() * all.length)] ?? all[0]
  }

  #labels(): Record<string, string> {
    return { app: this.#pick(['web', 'db', 'web']), tier: this.#pick(['a', 'b', 'c']), own: 'yes' }
  }

  async #write({ ask, expected, how, id, key }: Wish): Promise<Answer | undefined> {
    const { name: client, random, recorder, servers } = this.#options
    const replica = Math.floor(random.float() * servers.replicas)
    const { result, span } = await recorder.timed(() => servers.ask(replica, ask))
    const outcome = outcomeOf(result)
    recorder.writes.push({ client, span, key, how, id, outcome, ...(expected !== undefined && { expected }) })
    if (outcome.is === 'done' && result && isConfigMap(result.body)) recorder.see(versionOf(result.body))
    if (!result || result.status >= 500) await awhile()
    return result
  }

  #object(
    key: string,
    id: string,
    more: { readonly count?: number; readonly resourceVersion?: number } = {},
  ) {
    const [namespace, name] = key.split('/')
    const resourceVersion =
      more.resourceVersion === undefined ? {} : { resourceVersion: String(more.resourceVersion) }
    return {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        name,
        namespace,
        labels: key.includes('/sum-') ? { own: 'yes' } : this.#labels(),
        ...resourceVersion,
      },
      data: { id, ...(more.count !== undefined && { count: String(more.count) }) },
    }
  }

  #create(key: string, count?: number): Promise<Answer | undefined> {
    const id = this.#id()
    const body = this.#object(key, id, count === undefined ? {} : { count })
    return this.#write({
      key,
      how: 'create',
      id,
      ask: { method: 'POST', path: pathOf(key.split('/')[0] ?? ''), body },
    })
  }

  #id(): string {
    return this.#options.recorder.nextId(this.#options.name)
  }

  #apply(key: string): Promise<Answer | undefined> {
    const id = this.#id()
    const path = `${pathOfKey(key)}?fieldManager=${this.#options.name}&force=true`
    return this.#write({
      key,
      how: 'upsert',
      id,
      ask: { method: 'PATCH', path, type: applyPatch, body: this.#object(key, id) },
    })
  }

  /** Without a condition: however many others write, it must succeed. */
  async #patch(key: string): Promise<void> {
    const id = this.#id()
    const labels = this.#labels()
    const body = { metadata: { labels }, data: { id } }
    const type = this.#pick([mergePatch, strategicPatch, jsonPatch])
    const operations = [
      { op: 'replace', path: '/data/id', value: id },
      { op: 'add', path: '/metadata/labels', value: labels },
    ]
    await this.#write({
      key,
      how: 'update',
      id,
      ask: { method: 'PATCH', path: pathOfKey(key), type, body: type === jsonPatch ? operations : body },
    })
  }

  /** Reads, then swaps: by PUT, by a patch with a resourceVersion, or by a JSON patch that tests what it saw. */
  async #replace(key: string): Promise<void> {
    const current = await this.read(key)
    if (current) await this.#swap(versionOf(current), current)
  }

  /** As `replace`, with what somebody saw some time ago: mostly a conflict, never a lost update. */
  async #swapOldKnowledge(key: string): Promise<void> {
    const known = this.#options.recorder.seen.get(key)
    if (known) await this.#swap(known)
  }

  #swap(seen: Version, current?: Json): Promise<Answer | undefined> {
    const { key, revision } = seen
    const id = this.#id()
    const count = current?.['data']?.['count']
    const path = pathOfKey(key)
    const wish = { key, how: 'update', id, expected: revision } as const
    const counted = count === undefined ? undefined : Number(count) + 1
    const object = this.#object(key, id, {
      resourceVersion: revision,
      ...(counted !== undefined && { count: counted }),
    })
    const { data, metadata } = object
    switch (this.#pick(['put', 'merge', 'strategic', 'json'])) {
      case 'put':
        return this.#write({ ...wish, ask: { method: 'PUT', path, body: object } })
      case 'merge':
        return this.#write({
          ...wish,
          ask: { method: 'PATCH', path, type: mergePatch, body: { metadata, data } },
        })
      case 'strategic':
        return this.#write({
          ...wish,
          ask: { method: 'PATCH', path, type: strategicPatch, body: { metadata, data } },
        })
      default: {
        const body = [
          { op: 'test', path: '/data/id', value: seen.id },
          ...Object.entries(data).map(([name, value]) => ({ op: 'replace', path: `/data/${name}`, value })),
        ]
        return this.#write({ ...wish, ask: { method: 'PATCH', path, type: jsonPatch, body } })
      }
    }
  }

  /** Changes nothing, so nothing changes: not even the resourceVersion. */
  async #touch(key: string): Promise<void> {
    const id = this.#id()
    const [type, body] = this.#pick<[string, unknown]>([
      [mergePatch, {}],
      [strategicPatch, { metadata: {} }],
      [jsonPatch, []],
    ])
    await this.#write({ key, how: 'touch', id, ask: { method: 'PATCH', path: pathOfKey(key), type, body } })
  }

  async #delete(key: string): Promise<void> {
    const { random, recorder } = this.#options
    const known = random.float() < 0.5 ? recorder.seen.get(key) : undefined
    const body = known && { preconditions: { uid: known.uid, resourceVersion: String(known.revision) } }
    await this.#write({
      key,
      how: 'delete',
      id: this.#id(),
      ask: { method: 'DELETE', path: pathOfKey(key), ...(body && { body }) },
    })
  }

  /** What is in the answer is gone, and what has come in its place since the server looked may be gone too. */
  async #deleteSome(): Promise<void> {
    const { name: client, random, recorder, servers } = this.#options
    const namespace = this.#pick(namespaces)
    const path = `${pathOf(namespace)}?labelSelector=own%3Dyes%2Capp%3Ddb%2Ctier%3Dc`
    const ask: Ask = { method: 'DELETE', path }
    const { result, span } = await recorder.timed(() =>
      servers.ask(Math.floor(random.float() * servers.replicas), ask),
    )
    const record = (key: string, outcome: Write['outcome']) =>
      recorder.writes.push({ client, span, key, how: 'delete', id: this.#id(), outcome })
    for (let i = 0; i < namesMax; i++) record(`${namespace}/k${i}`, { is: 'unknown' })
    if (result?.status === 200)
      for (const version of itemsOf(result.body).map(versionOf))
        record(version.key, { is: 'done', uid: version.uid })
    if (!result) await awhile()
  }

  /** One more, whatever it takes. The sum of all is checked in the end. */
  async #increment(key: string): Promise<void> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const current = await this.read(key)
      const answer = await (current ? this.#swap(versionOf(current), current) : this.#create(key, 1))
      // Without an answer nobody knows whether it counted; the log will say.
      if (!answer || answer.status < 300 || answer.status >= 500) return
    }
    throw new Error(`${attemptsMax} attempts were not enough to add to ${key}`)
  }

  /** Recorded like everything. Undefined when it isn't there, or nobody answered. */
  async read(key: string): Promise<Json | undefined> {
    const { name: client, random, recorder, servers } = this.#options
    const { result, span } = await recorder.timed(() =>
      servers.ask(Math.floor(random.float() * servers.replicas), { method: 'GET', path: pathOfKey(key) }),
    )
    if (!result || result.status >= 500) await awhile()
    const found = result?.status === 200 ? versionOf(result.body) : undefined
    if (result && (found || result.status === 404))
      recorder.reads.push({ client, span, key, found, mayBeOld: false })
    if (found) recorder.see(found)
    return result?.status === 200 ? result.body : undefined
  }
}
