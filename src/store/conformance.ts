import { describe, it } from 'node:test'

import { bounds } from './conformance/bounds.ts'
import { caches } from './conformance/caches.ts'
import { history } from './conformance/history.ts'
import { reads } from './conformance/reads.ts'
import { watches } from './conformance/watches.ts'
import { writes } from './conformance/writes.ts'
import type { Store } from './store.ts'

/** Properties that a backend does not have, and why. */
export interface Skip {
  readonly reason: string
  /** Names of properties, in full. */
  readonly tests: readonly string[]
}

const testMsMax = 90_000 // a watch that never comes to its condition fails here; 20,000 writes to a real server on a busy machine do not

/**
 * The contract of `store.ts` as tests, one property each. A backend's test file calls this and adds what is its
 * own: files, crashes, servers. `open` gives an empty store for each test; the suite disposes it.
 */
export function describeStore(
  name: string,
  open: () => Promise<Store>,
  { skip = [] }: { readonly skip?: readonly Skip[] } = {},
): void {
  const properties = Object.entries({ ...writes, ...reads, ...history, ...watches, ...caches, ...bounds })
  describe(`${name} is a store`, () => {
    for (const [property, test] of properties) {
      const reason = skip.find(({ tests }) => tests.includes(property))?.reason
      const options = { timeout: testMsMax, ...(reason === undefined ? {} : { skip: reason }) }
      it(property, options, async (context) => {
        await using store = await open()
        const ended = new AbortController()
        try {
          await test(store, AbortSignal.any([context.signal, ended.signal]))
        } finally {
          ended.abort()
        }
      })
    }
  })
}
