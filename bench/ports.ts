import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { ask } from '../tests/support/http.ts'
import { realClock } from '../src/base/clock.ts'

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const answerWithinMs = 60_000
/** Fine enough for what is measured, coarse enough not to take the processor from what starts. */
const askEveryMs = 4

/** Resolves with the answer's text once the URL answers 200; throws when it doesn't within a minute. */
export async function untilAnswers(url: string): Promise<string> {
  const deadlineMs = realClock.monotonicMs() + answerWithinMs
  let last: unknown
  while (realClock.monotonicMs() < deadlineMs) {
    try {
      const { status, body } = await ask(url)
      if (status === 200) return body
      last = status
    } catch (error) {
      last = error
    }
    await realClock.sleep(askEveryMs)
  }
  throw new Error(`${url} does not answer`, { cause: last })
}
