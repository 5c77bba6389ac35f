/** Says that it is starting the workload of its argument, does, prints the handle, and stays until it is killed. */
import { realClock } from '../../../base/clock.ts'
import type { WorkloadSpec } from '../../runtime.ts'
import type { CgroupTree } from '../cgroup-plan.ts'
import { findSandbox } from '../sandbox/find-sandbox.ts'
import { openProcessRuntime } from '../process-runtime.ts'

const spec = JSON.parse(process.argv[2] ?? '') as WorkloadSpec
process.stdout.write('starting\n')
const cgroups = JSON.parse(process.argv[3] ?? 'null') as CgroupTree | null
const found = spec.sandbox && (await findSandbox(`${spec.stateDir}.etc`))
const options = {
  clock: realClock,
  ...(cgroups && { cgroups }),
  ...(found?.usable && { sandbox: found.tools }),
}
const handle = await openProcessRuntime(options).start(spec)
process.stdout.write(`${JSON.stringify(handle)}\n`)
await realClock.sleep(60_000)
