/** The same operations on etcd alone: what remains when everything that makes an API of a store is left away. */
import { randomBytes } from 'node:crypto'
import { realClock } from '../../src/base/clock.ts'
import type { Etcd } from '../etcd.ts'
import { quantile, round, type Measured } from './measured.ts'

const prefix = '/registry/pods/default/'
/** A pod of the benchmark as it is stored, in etcd as in Sampan. */
const podBytes = 3_100
const marker = '"last"'

async function timed(etcd: Etcd, count: number, one: (n: number) => Promise<unknown>): Promise<Measured> {
  const before = etcd.cpuSeconds() ?? Number.NaN
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const startMs = realClock.monotonicMs()
    await one(n)
    times.push(realClock.monotonicMs() - startMs)
  }
  const cpuMs = (((etcd.cpuSeconds() ?? Number.NaN) - before) * 1_000) / count
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpuMs }
}

/** A patch is a read and a write, as an API server would do it. */
export async function etcdCalls(etcd: Etcd, count: number) {
  const value = randomBytes(podBytes)
  const key = (n: number) => `${prefix}pod-${n}`
  const patch = async (n: number) => {
    await etcd.get(key(n))
    await etcd.put(key(n), value)
  }
  return {
    create: await timed(etcd, count, (n) => etcd.put(key(n), value)),
    get: await timed(etcd, count, (n) => etcd.get(key(n))),
    patch: await timed(etcd, count, patch),
  }
}

const fillAtOnce = 64

export async function fillEtcd(etcd: Etcd, from: number, to: number): Promise<void> {
  const value = randomBytes(podBytes)
  let next = from
  const one = async () => {
    while (next < to) await etcd.put(`${prefix}pod-${next++}`, value)
  }
  await Promise.all(Array.from({ length: fillAtOnce }, one))
}

export const etcdList = (etcd: Etcd, repeats: number): Promise<Measured> =>
  timed(etcd, repeats, () => etcd.list(prefix))

export interface EtcdFanOut {
  readonly deliveriesPerSecond: number
  /** Processor time of etcd for one delivery. */
  readonly cpuUs: number
  readonly lagMs: number
}

/** Changes of `valueBytes` at a rate, told to all watchers; ends when the last change has reached them. */
export async function etcdFanOut(
  etcd: Etcd,
  {
    changes,
    perSecond,
    valueBytes,
    watchers,
  }: {
    readonly watchers: number
    readonly changes: number
    readonly perSecond: number
    readonly valueBytes: number
  },
): Promise<EtcdFanOut> {
  let arrived = 0
  const all = Promise.withResolvers<void>()
  using _ = await etcd.watch('/registry/configmaps/', watchers, (bytes) => {
    for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) arrived++
    if (arrived >= watchers) all.resolve()
  })
  const before = etcd.cpuSeconds() ?? Number.NaN
  const startMs = realClock.monotonicMs()
  const puts: Promise<void>[] = []
  const put = (n: number, text: string) =>
    etcd.put(`/registry/configmaps/default/bench-${n % 100}`, Buffer.from(text.padEnd(valueBytes, '.')))
  while (puts.length < changes) {
    const due = Math.min(changes, ((realClock.monotonicMs() - startMs) * perSecond) / 1_000)
    while (puts.length < due) puts.push(put(puts.length, ''))
    await realClock.sleep(2)
  }
  await Promise.all(puts)
  const writtenMs = realClock.monotonicMs()
  await put(changes, marker)
  await all.promise
  const endMs = realClock.monotonicMs()
  const deliveries = watchers * (changes + 1)
  return {
    deliveriesPerSecond: Math.round((deliveries * 1_000) / (endMs - startMs)),
    cpuUs: round((((etcd.cpuSeconds() ?? Number.NaN) - before) * 1e6) / deliveries),
    lagMs: round(endMs - writtenMs),
  }
}
