/** The machine of `conformance.ts` on which the process runtime runs shells. */
import { spawn } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { realClock } from '../../../base/clock.ts'
import type { Behaviour, Machine } from '../../conformance-machine.ts'
import type { Handle, Runtime, Sandbox, WorkloadSpec } from '../../runtime.ts'
import type { CgroupTree } from '../cgroup-plan.ts'
import type { SandboxTools } from '../sandbox/bubblewrap.ts'
import { isAlive } from '../proc.ts'
import { openProcessRuntime } from '../process-runtime.ts'

const immediately = { signal: 'SIGTERM', graceMs: 0 }
const starterFile = join(import.meta.dirname, './start-and-linger.ts')

/** Stops at its end whatever it started. */
export interface TestOptions {
  readonly cgroups?: CgroupTree
  /** Every workload is put into one. */
  readonly sandbox?: SandboxTools
}

export async function openTestMachine(given: TestOptions = {}): Promise<Machine> {
  const options = { clock: realClock, ...given }
  const started: Handle[] = []
  const open = (): Runtime => {
    const runtime = openProcessRuntime(options)
    return {
      ...runtime,
      async start(wanted) {
        const handle = await runtime.start(given.sandbox ? sandboxed(wanted) : wanted)
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
    async startAndDie(wanted) {
      const spec = given.sandbox ? sandboxed(wanted) : wanted
      const starter = spawn(
        process.execPath,
        [starterFile, JSON.stringify(spec), JSON.stringify(given.cgroups ?? null)],
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

/** In a sandbox with its folder and Node.js, as nobody. */
export function sandboxed(spec: WorkloadSpec, binds: Sandbox['binds'] = []): WorkloadSpec {
  chmodSync(spec.cwd, 0o777)
  const own = { source: spec.cwd, path: spec.cwd, readOnly: false }
  const node = { source: process.execPath, path: process.execPath, readOnly: true }
  const ids = { uid: 65_534, gid: 65_534 }
  return { ...spec, sandbox: { binds: [own, node, ...binds], hostname: 'inside', lowPorts: false, ...ids } }
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
      ? 'while :; do sleep 1; done'
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
