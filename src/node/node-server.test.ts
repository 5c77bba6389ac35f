import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { realClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import { openFakeRuntime } from '../runtime/fake/fake-runtime.ts'
import { createNodeServer } from './node-server.ts'

/** Files below `folder` that this process holds open. */
async function openBelow(folder: string): Promise<readonly string[]> {
  const links = (await readdir('/proc/self/fd')).map(
    (fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''), // that of this very look
  )
  return (await Promise.all(links)).filter((path) => path.startsWith(folder))
}

test('a client that goes away in the middle of a history leaves no file open', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'sampan-node-server-'))
  t.after(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'app'))
  // Far more than goes into the windows and buffers on the way.
  const line = `2026-01-02T03:04:05.000000000Z stdout F ${'x'.repeat(4_000)}\n`
  await writeFile(join(root, 'app', '1.0.log.gz'), gzipSync(line.repeat(20_000)))
  const owner = { uid: 'u', namespace: 'default', pod: 'p', names: ['p'], folder: root, isArchived: true }
  const node = createNodeServer({
    clock: realClock,
    logger: silentLogger,
    runtime: openFakeRuntime({ clock: realClock }),
    findPod: () => undefined,
    findByAddress: () => undefined,
    nodeName: 'n',
    dataAddresses: '',
    usage: {
      look: () => Promise.reject(new Error('unused')),
      window: () => Promise.reject(new Error('unused')),
    },
    nodejs: { render: () => Promise.resolve('') },
    metrics: { render: () => '' },
    logFolders: async () => [owner],
  })
  const server = createServer()
  const served: Promise<void>[] = []
  server.on('stream', (stream, headers) => served.push(node.serve(stream, headers)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => {
    session.destroy()
    server.close()
  })
  const request = session.request({ ':path': '/logHistory/default/p' })
  await once(request, 'readable')
  assert.equal((await openBelow(root)).length, 1)
  request.destroy()
  await once(request, 'close')
  await Promise.all(served)
  for (const endMs = realClock.monotonicMs() + 5_000; (await openBelow(root)).length > 0;) {
    assert.ok(realClock.monotonicMs() < endMs, 'the file is still open')
    await realClock.sleep(10)
  }
})
