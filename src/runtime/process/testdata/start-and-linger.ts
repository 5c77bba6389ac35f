/** Says that it is starting the workload of its argument, does, prints the handle, and stays until it is killed. */
import { realClock } from '../../../base/clock.ts'
import type { WorkloadSpec } from '../../runtime.ts'
import { openProcessRuntime } from '../process-runtime.ts'

const spec = JSON.parse(process.argv[2] ?? '') as WorkloadSpec
process.stdout.write('starting\n')
const handle = await openProcessRuntime({ clock: realClock }).start(spec)
process.stdout.write(`${JSON.stringify(handle)}\n`)
await realClock.sleep(60_000)
