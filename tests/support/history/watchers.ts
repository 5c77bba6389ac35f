/** Clients that watch in every way the API has, go on after the connection breaks, and list again after a 410. */
import type { IncomingMessage } from 'node:http'
import type { Version, WatchEvent } from './history.ts'
import { isForeign, itemsOf, sentinelKey, versionOf, type Choice } from './recorder.ts'
import { awhile, UnexpectedAnswer, type Json } from './servers.ts'
import type { ClientOptions } from './writers.ts'

export interface WatcherOptions extends ClientOptions {
  readonly choice: Choice
  /** Where it begins: a list, a revision, or the state that the watch itself tells. */
  readonly begin: 'list' | 'initial-events' | { readonly revision: number }
  /** Seconds after which the server ends each watch, with a bookmark shortly before. */
  readonly timeoutSeconds?: number
  /** The id of the write that ends it all. */
  readonly last: string
  readonly signal: AbortSignal
}

interface Line {
  readonly type: string
  readonly object: Json
}

/** It has begun when it is made; `ended` when it has seen the last write. */
export class Watcher {
  /** What it knows to be there. */
  readonly state = new Map<string, Version>()
  readonly ended: Promise<void>
  /** How often history had been compacted under it. */
  expired = 0
  events = 0
  readonly #options: WatcherOptions
  /** Undefined: the state has to be asked for first. */
  #revision: number | undefined
  #isDone = false
  /** What has been told since the state was. */
  #told: WatchEvent[] = []
  #from = 0

  constructor(options: WatcherOptions) {
    this.#options = options
    if (typeof options.begin === 'object') this.#startAt(options.begin.revision)
    this.ended = this.#go()
  }

  /** It has been told everything up to here. */
  get revision(): number {
    return this.#revision ?? 0
  }

  async #go(): Promise<void> {
    while (!this.#isDone && !this.#options.signal.aborted) {
      try {
        if (this.#revision === undefined && this.#options.begin !== 'initial-events') await this.#list()
        await this.#watch()
      } catch (error) {
        if (error instanceof UnexpectedAnswer || error instanceof SyntaxError) throw error
        // The server is away for a moment.
        await awhile()
      }
    }
    this.#record()
  }

  #startAt(revision: number): void {
    this.#revision = revision
    this.#from = revision
  }

  get #replica(): number {
    return Math.floor(this.#options.random.float() * this.#options.servers.replicas)
  }

  async #list(): Promise<void> {
    const { choice, name: client, recorder, servers } = this.#options
    const { result, span } = await recorder.timed(() =>
      servers.ask(this.#replica, { method: 'GET', path: `${choice.path}?${choice.query}` }),
    )
    if (result?.status !== 200) throw new Error('no list')
    const versions = itemsOf(result.body).map(versionOf)
    const revision = Number(result.body['metadata']?.['resourceVersion'])
    recorder.lists.push({ client, span, revision, versions, selects: choice.selects, mayBeOld: false })
    this.#begin(versions, revision)
  }

  #begin(versions: readonly Version[], revision: number): void {
    this.state.clear()
    for (const version of versions) this.state.set(version.key, version)
    this.#startAt(revision)
    if (versions.some(({ id, key }) => key === sentinelKey && id === this.#options.last)) this.#isDone = true
  }

  async #watch(): Promise<void> {
    const { choice, servers, signal, timeoutSeconds } = this.#options
    const start =
      this.#revision === undefined
        ? 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
        : `resourceVersion=${this.#revision}`
    const limit = timeoutSeconds === undefined ? '' : `&timeoutSeconds=${timeoutSeconds}`
    const startMs = performance.now()
    const answer = await servers.open(
      this.#replica,
      `${choice.path}?watch=1&allowWatchBookmarks=true&${start}${limit}&${choice.query}`,
      signal,
    )
    // After its reader has gone, nobody cares.
    answer.on('error', () => {})
    const { statusCode = 0 } = answer
    if (statusCode !== 200) answer.destroy()
    if (statusCode >= 500) throw new Error('the server has no watch for now')
    if (statusCode !== 200) throw new UnexpectedAnswer(`a watch was answered ${statusCode}`)
    const initial: Version[] | undefined = this.#revision === undefined ? [] : undefined
    for await (const line of linesOf(answer)) {
      this.#take(line, { initial, startMs })
      if (this.#isDone || line.type === 'ERROR') return
    }
  }

  #take(
    { object, type }: Line,
    { initial, startMs }: { readonly initial: Version[] | undefined; readonly startMs: number },
  ): void {
    if (type === 'ERROR') return this.#fail(object)
    const revision = Number(object['metadata']?.['resourceVersion'])
    if (type === 'BOOKMARK') return this.#mark(object, revision, initial, startMs)
    const version = versionOf(object)
    if (this.#revision === undefined) return void (isForeign(version) || initial?.push(version))
    this.#revision = revision
    if (isForeign(version)) return
    this.#told.push({ type: type as WatchEvent['type'], ...version })
    this.events++
    if (type === 'DELETED') this.state.delete(version.key)
    else this.state.set(version.key, version)
    if (version.key === sentinelKey && version.id === this.#options.last) this.#isDone = true
  }

  /** All has been told up to here; the first may end the state that the watch began with. */
  #mark(object: Json, revision: number, initial: Version[] | undefined, startMs: number): void {
    if (this.#revision !== undefined) {
      if (revision < this.#revision)
        throw new UnexpectedAnswer(`a bookmark goes back from ${this.#revision} to ${revision}`)
      this.#revision = revision
      return
    }
    if (object['metadata']?.['annotations']?.['k8s.io/initial-events-end'] === undefined)
      throw new UnexpectedAnswer('a bookmark among the initial events')
    const { choice, name: client, recorder } = this.#options
    const span = { start: startMs, end: performance.now() }
    recorder.lists.push({
      client,
      span,
      revision,
      versions: initial ?? [],
      selects: choice.selects,
      mayBeOld: false,
    })
    this.#begin(initial ?? [], revision)
  }

  #fail(status: Json): void {
    if (Number(status['code']) !== 410)
      throw new UnexpectedAnswer(`a watch ended with ${JSON.stringify(status)}`)
    this.expired++
    this.#record()
    this.#revision = undefined
  }

  #record(): void {
    const { choice, name: client, recorder } = this.#options
    if (this.#revision === undefined) return
    recorder.watches.push({
      client,
      from: this.#from,
      upTo: this.#revision,
      events: this.#told,
      selects: choice.selects,
    })
    this.#told = []
  }
}

async function* linesOf(answer: IncomingMessage): AsyncGenerator<Line> {
  let rest = ''
  for await (const chunk of answer.setEncoding('utf8')) {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) yield JSON.parse(part) as Line
  }
}
