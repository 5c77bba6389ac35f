/** The machine of `conformance.ts` on which the process runtime runs shells. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { realClock } from '../../../base/clock.ts'
import type { Behaviour, Machine } from '../../conformance-machine.ts'
import type { Handle, Runtime, WorkloadSpec } from '../../runtime.ts'
import type { CgroupTree } from '../cgroup-plan.ts'
import { isAlive } from '../proc.ts'
import { openProcessRuntime } from '../process-runtime.ts'

const immediately = { signal: 'SIGTERM', graceMs: 0 }
const starterFile = join(import.meta.dirname, './start-and-linger.ts')

/** Stops at its end whatever it started. */
export async function openTestMachine(cgroups?: CgroupTree): Promise<Machine> {
  const options = { clock: realClock, ...(cgroups && { cgroups }) }
  const started: Handle[] = []
  const open = (): Runtime => {
    const runtime = openProcessRuntime(options)
    return {
      ...runtime,
      async start(spec) {
        const handle = await runtime.start(spec)
        started.push(handle)
        return handle
      },
    }
  }
  return {
    open,
    program: programOf,
    missing: () => ({ argv: ['/no/such/program'], node: false, names: '/no/such/program' }),
    pass: () => realClock.sleep(10),
    async startAndDie(spec) {
      const starter = spawn(
        process.execPath,
        [starterFile, JSON.stringify(spec), JSON.stringify(cgroups ?? null)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      const lines = createInterface({ input: starter.stdout })[Symbol.asyncIterator]()
      await lines.next() // 'starting'
      const { value: line } = await lines.next()
      started.push(JSON.parse(String(line)) as Handle)
      starter.kill('SIGKILL')
      await once(starter, 'exit')
    },
    async lose(handle) {
      process.kill(-handle.pid, 'SIGKILL')
      while (isAlive(handle) || hasGroup(handle.pid)) await realClock.sleep(5)
    },
    async [Symbol.asyncDispose]() {
      const runtime = openProcessRuntime(options)
      await Promise.all(started.map((handle) => runtime.stop(handle, immediately)))
    },
  }
}

/** Whether a process of the group is left; the kernel ends them one after another. */
function hasGroup(groupId: number): boolean {
  try {
    process.kill(-groupId, 0)
    return true
  } catch {
    return false // ESRCH: none
  }
}

const report = `
process.stdout.write(JSON.stringify({ argv: [process.execPath, ...process.execArgv, ...process.argv.slice(1)], cwd: process.cwd(), env: process.env }) + '\\n')`

function programOf(behaviour: Behaviour): Pick<WorkloadSpec, 'argv' | 'node'> {
  if (behaviour.report) return { argv: [process.execPath, '--eval', report], node: false }
  const lines = [
    behaviour.ignoreSigterm ? `trap '' TERM` : '',
    behaviour.stdout === undefined ? '' : `echo '${behaviour.stdout}'`,
    behaviour.stderr === undefined ? '' : `echo '${behaviour.stderr}' >&2`,
    behaviour.grandchild ? `(trap '' TERM; while :; do sleep 1; done) &` : '',
    behaviour.exitAfterMs === undefined
      ? 'while :; do sleep 0.02; done'
      : `sleep ${behaviour.exitAfterMs / 1000}; exit ${behaviour.code ?? 0}`,
  ]
  return { argv: ['/bin/sh', '-c', lines.filter(Boolean).join('\n')], node: false }
}

/** Specs of programs that keep everything in one folder, which is made before they start. */
export const specsIn =
  (root: () => string) =>
  (id: string, argv: readonly string[], extra: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
    id,
    argv,
    cwd: root(),
    env: { PATH: process.env['PATH'] ?? '' },
    address: '127.3.2.1',
    node: false,
    stdoutPath: join(root(), `${id}.out`),
    stderrPath: join(root(), `${id}.err`),
    stateDir: join(root(), 'state', id),
    ...extra,
  })
