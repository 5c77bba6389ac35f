import { describe } from 'node:test'

import { createSuite, type Skip } from './conformance/suite.ts'
import { describeBounds } from './conformance/bounds.ts'
import { describeHistory } from './conformance/history.ts'
import { describeReads } from './conformance/reads.ts'
import { describeWatches } from './conformance/watches.ts'
import { describeWrites } from './conformance/writes.ts'
import type { Store } from './store.ts'

/**
 * The contract of `store.ts` as tests, one property each. A backend's test file calls this and adds what is its
 * own: files, crashes, servers. `open` gives an empty store for each test; the suite disposes it.
 */
export function describeStore(
  name: string,
  open: () => Promise<Store>,
  { skip = [] }: { readonly skip?: readonly Skip[] } = {},
): void {
  const suite = createSuite(open, skip)
  describe(`${name} is a store`, () => {
    describeWrites(suite)
    describeReads(suite)
    describeHistory(suite)
    describeWatches(suite)
    describeBounds(suite)
  })
}
