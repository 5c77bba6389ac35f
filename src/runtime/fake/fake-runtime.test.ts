import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeClock } from '../../base/fake-clock.ts'
import { describeRuntime } from '../conformance.ts'
import type { Behaviour } from '../conformance-machine.ts'
import { createFakeMachine, type FakeOptions, loseFake, openFakeRuntime } from './fake-runtime.ts'

const argv = ['/pretended/program', '--flag']

describeRuntime(
  'fake',
  async () => {
    const clock = fakeClock()
    const machine = createFakeMachine()
    return {
      open: () => openFakeRuntime({ clock, machine }),
      program: (behaviour) => ({ argv, node: false, options: scriptOf(behaviour) }),
      missing: () => ({
        argv: ['/no/such/program'],
        node: false,
        options: { startError: 'there is no such file' },
        names: '/no/such/program',
      }),
      pass: () => clock.advance(10),
      startAndDie: async (spec) => void (await openFakeRuntime({ clock, machine }).start(spec)),
      lose: async (handle) => loseFake(machine, handle),
      [Symbol.asyncDispose]: async () => {},
    }
  },
  {
    skip: [
      { test: 'stops grandchildren too', reason: 'a fake workload is one pretended process' },
      { test: 'ends what has a lease when that is over', reason: 'a fake machine has no uptime of its own' },
    ],
  },
)

function scriptOf(behaviour: Behaviour): Record<string, string> {
  const script: FakeOptions = {
    ...(behaviour.exitAfterMs === undefined ? {} : { exitAfterMs: String(behaviour.exitAfterMs) }),
    ...(behaviour.code === undefined ? {} : { code: String(behaviour.code) }),
    ...(behaviour.stdout === undefined ? {} : { stdout: `${behaviour.stdout}\n` }),
    ...(behaviour.stderr === undefined ? {} : { stderr: `${behaviour.stderr}\n` }),
    ...(behaviour.report ? { report: 'true' } : {}),
    ...(behaviour.ignoreSigterm ? { ignoreSignals: 'SIGTERM' } : {}),
  }
  return { ...script }
}

describe('the fake runtime', () => {
  it('answers exec as scripted', async () => {
    const clock = fakeClock()
    const runtime = openFakeRuntime({ clock })
    const handle = await runtime.start({
      id: 'a',
      argv,
      cwd: '/',
      env: {},
      address: '127.1.1.1',
      node: false,
      stdoutPath: '/dev/null',
      stderrPath: '/dev/null',
      stateDir: '/pretended/a',
      options: { execCode: '7' },
    })
    assert.deepEqual(await runtime.exec(handle, { argv: ['ls', '-l'], timeoutMs: 1 }), {
      code: 7,
      output: 'ls -l\n',
    })
  })
})
