/** Clients that list in every way the API has: at once or in pages, fresh, cached, or as of a revision. */
import { allPath, choices, itemsOf, textIn, versionOf, type Choice } from './recorder.ts'
import { awhile, UnexpectedAnswer, type Json } from './servers.ts'
import type { ClientOptions } from './writers.ts'

const ways = ['fresh', 'pages', 'cached', 'exact', 'one-from-cache'] as const

export class Reader {
  readonly #options: ClientOptions
  /** Of lists that have been answered. */
  #revision = 0

  constructor(options: ClientOptions) {
    this.#options = options
  }

  async go(operations: number): Promise<void> {
    for (let i = 0; i < operations; i++) {
      const way = this.#pick(ways)
      const choice = this.#pick(choices)
      if (way === 'fresh') await this.#list(choice, '', false)
      else if (way === 'pages')
        await this.#list(choice, `&limit=${1 + Math.floor(this.#options.random.float() * 4)}`, false)
      else if (way === 'cached') await this.#list(choice, '&resourceVersion=0', true)
      else if (way === 'exact')
        await this.#list(choice, `&resourceVersion=${this.#revision}&resourceVersionMatch=Exact`, true)
      else await this.#one()
    }
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#options.random.float() * all.length)] as T
  }

  async #one(): Promise<void> {
    const { name: client, recorder, servers } = this.#options
    const key = `default/k${Math.floor(this.#options.random.float() * 6)}`
    const { result, span } = await recorder.timed(() =>
      servers.ask(this.#replica(), {
        method: 'GET',
        path: `/api/v1/namespaces/default/configmaps/${key.split('/')[1]}?resourceVersion=0`,
      }),
    )
    if (result?.status === 200)
      recorder.reads.push({ client, span, key, found: versionOf(result.body), mayBeOld: true })
  }

  #replica(): number {
    return Math.floor(this.#options.random.float() * this.#options.servers.replicas)
  }

  /** All pages of it, which are one state. */
  async #list({ path, query, selects }: Choice, more: string, mayBeOld: boolean): Promise<void> {
    if (more.includes('resourceVersion=0&')) return
    const { name: client, recorder, servers } = this.#options
    const { result, span } = await recorder.timed(async () => {
      const items: Json[] = []
      let metadata: Json = {}
      for (let token = ''; ;) {
        const { body, status } = await servers.ask(this.#replica(), {
          method: 'GET',
          path: `${path}?${query}${more}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`,
        })
        // The history it needs may have been compacted.
        if (status === 410) return undefined
        if (status !== 200) throw new Error(`a list was answered ${status}: ${JSON.stringify(body)}`)
        if (token !== '' && metadata['resourceVersion'] !== body['metadata']?.['resourceVersion'])
          throw new UnexpectedAnswer(
            `page ${JSON.stringify(body['metadata'])} is of another revision than ${JSON.stringify(metadata)}`,
          )
        metadata = body['metadata'] ?? {}
        items.push(...itemsOf(body))
        token = textIn(metadata['continue'])
        if (token === '') return { items, revision: Number(metadata['resourceVersion']) }
      }
    })
    if (!result) return awhile()
    const { items, revision } = result
    this.#revision = revision
    const versions = items.map(versionOf)
    recorder.lists.push({ client, span, revision, versions, selects, mayBeOld })
    if (path === allPath) for (const version of versions) recorder.see(version)
  }
}
