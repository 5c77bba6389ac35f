/** The thread in which one target is fuzzed. What it is at is in shared memory, for the case that it hangs. */
import { parentPort, workerData } from 'node:worker_threads'
import { seededRandom } from '../../src/base/ids.ts'
import { fuzz } from './engine.ts'
import { inputAt, type WorkerAnswer, type WorkerInput } from './layout.ts'
import { openTarget } from './targets/all.ts'

// Most inputs end in an error: its stack is what costs most.
Error.stackTraceLimit = 6
const { executionsMax, isGuided, now, secondsMax, seed, seeds, target: name } = workerData as WorkerInput
const target = await openTarget(name)
const counters = new Int32Array(now, 0, 2)
const bytes = new Uint8Array(now, inputAt)
let count = 0
const startMs = performance.now()
const outcome = await fuzz({
  target,
  seeds,
  random: seededRandom(seed),
  isGuided,
  executionsMax,
  deadlineMs: startMs + secondsMax * 1_000,
  begin(input) {
    Atomics.store(counters, 1, input.length)
    bytes.set(input.subarray(0, bytes.length))
    count = (count + 1) | 0
    Atomics.store(counters, 0, count)
  },
})
const { system, user } = process.threadCpuUsage()
const answer: WorkerAnswer = { ...outcome, seconds: (user + system) / 1_000_000 }
parentPort?.postMessage(answer)
