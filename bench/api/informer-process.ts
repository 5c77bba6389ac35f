/** An informer as Sampan's controllers use it, over plain HTTP. */
import { openInformer } from '../../src/client/informer.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { httpTransport } from '../../src/client/transport-http.ts'
import { realClock } from '../../src/base/clock.ts'
import { realRandom } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { answerQuestions, cpuSeconds } from './child.ts'

export interface InformerStart {
  readonly ms: number
  readonly cpu: number
}

answerQuestions({
  async start(port: number): Promise<InformerStart> {
    const before = cpuSeconds().all
    const startMs = realClock.monotonicMs()
    const transport = httpTransport({ server: `http://127.0.0.1:${port}`, token: 'bench' })
    await using informer = openInformer({
      client: restClient(transport, 'bench'),
      resource: { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
      clock: realClock,
      random: realRandom,
      logger: silentLogger,
    })
    await informer.synced
    return { ms: realClock.monotonicMs() - startMs, cpu: cpuSeconds().all - before }
  },
})
