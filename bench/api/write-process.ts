/** Writes at a given rate, each sent when it is due whatever became of the ones before; latencies count from then. */
import { Agent, request } from 'node:http'
import { realClock } from '../../src/base/clock.ts'
import { answerQuestions, cpuSeconds } from './child.ts'
import { podOf } from './pod.ts'

export interface WriteWish {
  readonly port: number
  readonly kind: 'configmaps' | 'pods-patch' | 'pods-mixed'
  readonly perSecond: number
  readonly seconds: number
  /** Distinct objects that are written in turns. */
  readonly objects: number
  /** Of `pods-mixed`, which creates and deletes others in each. Default: 0. */
  readonly round?: number
}

export interface WriteResult {
  readonly latenciesMs: readonly number[]
  readonly refused: number
  readonly cpu: number
  readonly elapsedMs: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const tickMs = 2

interface Call {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly type?: string
}

export const call = (port: number, { body, method, path, type }: Call): Promise<number> =>
  new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const sent = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: {
          authorization: 'Bearer bench',
          ...(payload && { 'content-type': type ?? 'application/json', 'content-length': payload.length }),
        },
      },
      (message) => message.resume().once('end', () => resolve(message.statusCode ?? 0)),
    )
    sent.once('error', reject)
    sent.end(payload)
  })

const configMaps = '/api/v1/namespaces/default/configmaps'
const pods = '/api/v1/namespaces/default/pods'

function callOf(
  { kind, objects, perSecond, round = 0, seconds }: WriteWish,
  n: number,
  isLast: boolean,
): Call {
  if (kind === 'configmaps') {
    const name = `bench-${n % objects}`
    const data = { at: String(Date.now()), n: String(n), ...(isLast && { last: 'yes' }) }
    return {
      method: 'PUT',
      path: `${configMaps}/${name}`,
      body: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data },
    }
  }
  if (kind === 'pods-patch' || n % 2 === 1) return patchOf(`pod-${(n * 7919) % (objects / 2)}`, n)
  // A pod that is deleted was created a while ago: calls may overtake each other.
  const nth = ((round * perSecond * seconds) >> 2) + (n >> 2)
  return n % 4 === 0
    ? { method: 'POST', path: pods, body: podOf(`mixed-${nth}`) }
    : { method: 'DELETE', path: `${pods}/pod-${objects - 1 - nth}?gracePeriodSeconds=0` }
}

const patchOf = (name: string, n: number): Call => ({
  method: 'PATCH',
  path: `${pods}/${name}`,
  type: 'application/strategic-merge-patch+json',
  body: { metadata: { annotations: { note: `change ${n}` } } },
})

const fillAtOnce = 32

export interface SequenceWish {
  readonly port: number
  readonly verb: 'create' | 'get' | 'patch'
  readonly count: number
}

answerQuestions({
  /** One call after another. */
  async sequence({ count, port, verb }: SequenceWish): Promise<readonly number[]> {
    const latenciesMs: number[] = []
    for (let n = 0; n < count; n++) {
      const startMs = realClock.monotonicMs()
      if (verb === 'create') await call(port, { method: 'POST', path: pods, body: podOf(`pod-${n}`) })
      else if (verb === 'get') await call(port, { method: 'GET', path: `${pods}/pod-${n}` })
      else await call(port, patchOf(`pod-${n}`, n))
      latenciesMs.push(realClock.monotonicMs() - startMs)
    }
    return latenciesMs
  },
  async fill({ from, port, to }: { readonly port: number; readonly from: number; readonly to: number }) {
    let next = from
    const one = async () => {
      while (next < to) await call(port, { method: 'POST', path: pods, body: podOf(`pod-${next++}`) })
    }
    await Promise.all(Array.from({ length: fillAtOnce }, one))
  },
  /** One after the other, to have something to write to. */
  async prepare({ objects, port }: WriteWish) {
    for (let n = 0; n < objects; n++)
      await call(port, {
        method: 'POST',
        path: configMaps,
        body: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: `bench-${n}` } },
      })
  },
  async run(wish: WriteWish): Promise<WriteResult> {
    const before = cpuSeconds().all
    const startMs = realClock.monotonicMs()
    const total = wish.perSecond * wish.seconds
    const latenciesMs: number[] = []
    let refused = 0
    const one = async (n: number) => {
      const dueMs = startMs + (n * 1_000) / wish.perSecond
      const status = await call(wish.port, callOf(wish, n, n === total - 1))
      latenciesMs.push(realClock.monotonicMs() - dueMs)
      if (status >= 300) refused++
    }
    const running: Promise<void>[] = []
    while (running.length < total) {
      const due = Math.min(
        total,
        Math.floor(((realClock.monotonicMs() - startMs) * wish.perSecond) / 1_000) + 1,
      )
      // The last change ends the watchers' count: it comes when all others have been answered.
      if (due === total) {
        while (running.length < total - 1) running.push(one(running.length))
        await Promise.all(running)
      }
      while (running.length < due) running.push(one(running.length))
      await realClock.sleep(tickMs)
    }
    await Promise.all(running)
    return {
      latenciesMs,
      refused,
      cpu: cpuSeconds().all - before,
      elapsedMs: realClock.monotonicMs() - startMs,
    }
  },
})
