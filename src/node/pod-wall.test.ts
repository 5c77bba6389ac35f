import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { createLogger } from '../base/logger.ts'
import type { PodNetwork } from '../runtime/process/network/pod-network.ts'
import { openPodWall } from './pod-wall.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-wall-'))
after(() => rmSync(folder, { recursive: true }))
const lines: string[] = []
const context = {
  apiServer: undefined,
  clock: realClock,
  dataDir: folder,
  logger: createLogger({ clock: realClock, level: 'info', write: (line) => void lines.push(line) }),
  loopbackBlock: '127.61.8.0/22',
  networkSocket: join(folder, 'pods', 'socket'),
  random: realRandom,
}

/** A network that is possible, and how its keeper is reached. */
function scripted(reach: PodNetwork['connect']) {
  let make: (() => Promise<void>) | undefined
  return {
    connect: reach,
    find: async () => false,
    onFirst: (how: () => Promise<void>) => void (make = how),
    ready: async () => await make?.(),
  }
}

test('it ends at once while its keeper is being started', async () => {
  const asked = Promise.withResolvers<void>()
  const network = scripted((_settings, _word, signal) => {
    asked.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  })
  const wall = await openPodWall(network, context)
  const ready = network.ready()
  await asked.promise
  await wall[Symbol.asyncDispose]()
  await ready
  assert.deepEqual(lines, [])
})

test('it ends when its keeper answers while it does', async () => {
  const server = createServer().listen(join(folder, 'keeper'))
  await once(server, 'listening')
  const asked = Promise.withResolvers<void>()
  const network = scripted(async (_settings, _word, signal) => {
    asked.resolve()
    await once(signal, 'abort')
    const socket = connect(join(folder, 'keeper'))
    await once(socket, 'connect')
    return socket
  })
  const wall = await openPodWall(network, context)
  const ready = network.ready()
  await asked.promise
  await wall[Symbol.asyncDispose]()
  await ready
  server.close()
})

test('it says that no pod can start when the network can not be made, and tries again', async () => {
  const tries = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let count = 0
  const network = scripted(async () => {
    tries[count++]?.resolve()
    throw new Error('the disk is full')
  })
  const wall = await openPodWall(network, context)
  assert.equal(wall.isUp(), true)
  await network.ready()
  assert.equal(wall.isUp(), false)
  await Promise.all(tries.map(({ promise }) => promise))
  await wall[Symbol.asyncDispose]()
  assert.match(lines[0] ?? '', /no pod in a sandbox can start.*the disk is full/)
})
