/** The harness finds what it looks for: stores that do wrong only while something goes wrong around them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { realClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openStore } from '../../src/store/open.ts'
import type { Entry, Store } from '../../src/store/store.ts'
import { until } from '../support/cluster.ts'
import { openServers } from '../support/history/servers.ts'
import type { Fault } from './nemesis.ts'
import { runRound, type RoundReport } from './round.ts'
import { keyOfRaw } from './world.ts'

/** The nemesis comes once or twice. It stays until the store was asked often enough, however slow the machine is. */
const seconds = 2
const asksMin = 60

/** Answers methods that take the place of the store's, and do wrong while `isBad()`. */
type Wrong = (store: Store, isBad: () => boolean) => Partial<Store>

/** Two servers in this process on one store in memory. The fault is no more than the time in which the store does wrong. */
async function run(wrong: Wrong): Promise<RoundReport> {
  await using store = await openStore('memory:', { clock: realClock, logger: silentLogger })
  let isBad = false
  let asks = 0
  const methods = wrong(store, () => {
    asks++
    return isBad
  })
  const askedEnough = () => {
    const wanted = asks + asksMin
    return until('the store was asked', () => (asks >= wanted ? true : undefined))
  }
  const slow: Store['update'] = async (...args) => {
    await pause(1) // in memory clients would hardly meet
    return (methods.update ?? store.update.bind(store))(...args)
  }
  const own = {
    ...methods,
    update: slow,
    capabilities: { ...store.capabilities, shared: true }, // as it is: by two servers
  }
  const faulty = new Proxy(store, {
    get(target, property) {
      if (property === Symbol.asyncDispose) return async () => {}
      const value: unknown = Reflect.get(own, property) ?? Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await using servers = await openServers(async () => faulty, 2)
  const fault: Fault = {
    name: 'a moment of wrong',
    part: 'store',
    msMax: 800,
    async begin() {
      await askedEnough()
      isBad = true
      return async () => {
        await askedEnough()
        isBad = false
      }
    },
  }
  const rawRevisions = async () => {
    const { entries } = await store.list({ prefix: '/registry/core/configmaps/' })
    return new Map(entries.map(({ key, revision }) => [keyOfRaw(key) ?? key, revision]))
  }
  return await runRound(
    {
      replicas: Object.assign(servers, { problems: [] }),
      store,
      faults: [fault],
      rawRevisions,
      [Symbol.asyncDispose]: async () => {},
    },
    { seed: 1, seconds, isKept: false },
  )
}

const isOurs = (key: string) => keyOfRaw(key) !== undefined

interface Row {
  readonly name: string
  readonly says: RegExp
  readonly wrong: Wrong
}

const rows: readonly Row[] = [
  {
    name: 'acknowledges an update that it has lost',
    says: /but writer-\d says it is|was acknowledged at revision/,
    wrong: (store, isBad) => ({
      update: async (key, ...rest) =>
        isOurs(key) && isBad() ? (await store.current()) + 1 : store.update(key, ...rest),
    }),
  },
  {
    name: 'sends a write again whose answer was late',
    says: /was written once and is there twice/,
    wrong: (store, isBad) => ({
      async update(key, value, expected, options) {
        const revision = await store.update(key, value, expected, options)
        return isOurs(key) && isBad() ? store.update(key, value, revision, options) : revision
      },
    }),
  },
  {
    name: 'swaps without comparing',
    says: /lost update/,
    wrong: (store, isBad) => ({
      async update(key, value, expected, options) {
        if (!isBad()) return store.update(key, value, expected, options)
        await pause(20) // others get their turn
        const { entry } = await store.get(key)
        return store.update(key, value, entry?.revision ?? 0, options)
      },
    }),
  },
  {
    name: 'reads what a server that is cut off still has',
    says: /though .* was known by/,
    wrong(store, isBad) {
      const old = new Map<string, Entry>()
      return {
        async get(key, options) {
          const read = await store.get(key, options)
          const entry = isBad() ? (old.get(key) ?? read.entry) : read.entry
          if (entry && !isBad()) old.set(key, entry)
          return { ...read, entry }
        },
      }
    },
  },
  {
    name: 'goes on after a gap when its watch breaks',
    says: /\d problems\n|has not seen the last/,
    wrong: (store, isBad) => ({
      async *watch(...args) {
        for await (const batch of store.watch(...args))
          yield isBad() ? { ...batch, events: batch.events.slice(1) } : batch
      },
    }),
  },
]

describe('a store that does wrong while something goes wrong is found out', () => {
  for (const { name, says, wrong } of rows) test(name, () => assert.rejects(run(wrong), says))
  test('one that does right passes', async () => {
    const right: Wrong = (store, isBad) => ({
      update(...args) {
        isBad()
        return store.update(...args)
      },
    })
    const { counts, faults } = await run(right)
    assert.ok((counts['done'] ?? 0) > asksMin && (faults.get('a moment of wrong') ?? 0) > 0)
  })
})
