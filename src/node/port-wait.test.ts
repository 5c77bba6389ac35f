import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { deferred } from '../base/deferred.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { openFakeRuntime } from '../runtime/fake/fake-runtime.ts'
import type { Handle, Runtime } from '../runtime/runtime.ts'
import { startListening } from './listening.ts'
import { waitForPort } from './port-wait.ts'

/** Waits for a port where nobody listens yet. Time passes only when the test says so: what is found is found because it was asked. */
async function begin({ isTold }: { readonly isTold: boolean }) {
  const time = fakeClock()
  const waits: number[] = []
  const clock = {
    ...time,
    after(ms: number, fn: () => void) {
      waits.push(ms)
      return time.after(ms, fn)
    },
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const [over, stopped] = [deferred(), deferred()]
  let tell = () => {}
  const runtime: Runtime = {
    ...openFakeRuntime({ clock: time }),
    ...(isTold && {
      onListening(_handle: Handle, ports: readonly number[], told: () => void) {
        assert.deepEqual(ports, [port])
        tell = told
        return () => stopped.resolve()
      },
    }),
  }
  const container = { name: 'web', image: 'npm:web', ports: [{ containerPort: port }] }
  const first = startListening(container, 0)
  assert.ok(first)
  const handle = { id: 'a' } as Handle
  const enter = async () => assert.fail('nothing is run in the container')
  const target = { container, address: '127.0.0.1', podIP: '10.64.0.1', handle, runtime, clock, enter }
  waitForPort(first, target, () => over.resolve())
  /** The waits until the next question, so many; a question itself is bound by a second. */
  const answered = async (count: number) => {
    for (;;) {
      const between = waits.filter((ms) => ms !== 1_000)
      if (between.length >= count) return between
      await nextTurn()
    }
  }
  return {
    time,
    answered,
    over: over.promise,
    stopped: stopped.promise,
    tell: () => tell(),
    async listen() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}

test('a program that says nothing is asked again and again', async () => {
  await using wait = await begin({ isTold: false })
  assert.deepEqual(await wait.answered(1), [10])
  await wait.time.advance(10)
  assert.deepEqual(await wait.answered(2), [10, 10])
  await wait.listen()
  await wait.time.advance(10)
  await wait.over
})

test('a program that says when it listens is asked then', async () => {
  await using wait = await begin({ isTold: true })
  assert.deepEqual(await wait.answered(1), [100])
  await wait.listen()
  wait.tell()
  await wait.over
  await wait.stopped
})

test('what it says while it is being asked is not forgotten', async () => {
  await using wait = await begin({ isTold: true })
  wait.tell() // the first question is under way, and will be answered with no
  await wait.listen()
  await wait.over
})

test('one that is not reached when it says so is asked soon again', async () => {
  await using wait = await begin({ isTold: true })
  assert.deepEqual(await wait.answered(1), [100])
  wait.tell()
  assert.deepEqual(await wait.answered(2), [100, 10])
  await wait.listen()
  await wait.time.advance(10)
  await wait.over
})

test('one that says nothing although it could is asked all the same', async () => {
  await using wait = await begin({ isTold: true })
  await wait.answered(1)
  await wait.listen()
  await wait.time.advance(100)
  await wait.over
})
