import { after, before, describe, test } from 'node:test'

import { realClock } from '../../../src/base/clock.ts'
import { silentLogger } from '../../../src/base/logger.ts'
import { describeStore } from '../../../src/store/conformance.ts'
import { openStore } from '../../../src/store/open.ts'
import { startEtcdCluster, type EtcdCluster } from '../../support/etcd.ts'
import { isMissing } from '../../support/needs.ts'
import { isPresent } from '../../../tools/parts.ts'

const purpose = 'the store on etcd'

if (isPresent('etcd')) {
  describe('on a real etcd', () => {
    let etcd: EtcdCluster | undefined
    let stores = 0
    // Larger than by default, so that the largest value of the contract is tried.
    const requestBytesMax = 8 * 1024 * 1024
    before(async () => {
      etcd = await startEtcdCluster({ args: [`--max-request-bytes=${requestBytesMax}`] })
    })
    after(() => etcd?.[Symbol.asyncDispose]())
    describeStore('the etcd store', () => {
      const url = `etcd://${etcd?.endpoints}/t${stores++}?max-request-bytes=${requestBytesMax}`
      return openStore(url, { clock: realClock, logger: silentLogger })
    })
  })
} else {
  test('etcd is there', (t) => void isMissing(t, 'etcd', purpose))
}
