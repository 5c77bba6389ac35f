/**
 * Bad input: every parser, decoder and patch engine, and the server as a whole, on inputs nobody would write. Never a
 * crash, never a hang, never a 500. CONTRIBUTING.md says how to run it longer.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { groupOf } from './targets/all.ts'
import { inputAt, inputBytesMax, type WorkerAnswer, type WorkerInput } from './layout.ts'
import { testSeed as seed } from '../../src/base/test-seed.ts'

/**
 * By default: 100,000 where they take seconds, and where they have found faults; 40,000 elsewhere, which reach the same code, for those
 * that coverage guides are as many. More is for `SECONDS` and other seeds.
 */
const [executionsUsual, executionsFew] = [100_000, 40_000]
const dearAndNeverFound = new Set([
  'channels',
  'field-set',
  'http-bytes',
  'json-body',
  'json-patch',
  'merge-patch',
  'spdy',
  'yaml-body',
])
const executionsOf = (name: string): number => {
  const usual = dearAndNeverFound.has(name) ? executionsFew : executionsUsual
  return Number(process.env['EXECUTIONS'] ?? (process.env['SECONDS'] ? Infinity : usual))
}
const secondsMax = Number(process.env['SECONDS'] ?? Infinity)
const chosen = process.env['TARGETS']?.split(',')
/** An input that keeps its thread busy this long hangs. The slowest takes some milliseconds. */
const hangMs = 20_000
const pollMs = 500
/** On a busy machine a run takes several times its two minutes, and by hand as long as it is told to. */
const suiteMsMax = 24 * 3_600_000

describe('fuzz', { concurrency: 2, timeout: suiteMsMax }, () => {
  for (const name of chosen ?? Object.keys(groupOf)) {
    test(name, { timeout: suiteMsMax }, async (t) => {
      const { executions, failure, found, functions, seconds } = await runTarget(name)
      const took = `${seconds.toFixed(1)} s of processor time, seed ${seed}`
      t.diagnostic(
        `${name}: ${executions} executions, ${found} inputs found, ${functions} functions reached, ${took}`,
      )
      if (!failure) return
      const folder = mkdtempSync(join(tmpdir(), `sampan-fuzz-${name}-`))
      writeFileSync(join(folder, 'input'), failure.input)
      assert.fail(
        `SEED=${seed} after ${executions} executions; the input is in ${join(folder, 'input')}\n${failure.why}`,
      )
    })
  }
})

const corpusOf = (name: string): readonly Uint8Array[] => {
  const folder = join(import.meta.dirname, 'corpus', name)
  return readdirSync(folder)
    .toSorted()
    .map((file) => readFileSync(join(folder, file)))
}

/** Coverage guides a tenth of the time; what it has found is where the rest starts from, in a thread that counts nothing. */
const guidedShare = 0.1
const executionsGuided = executionsUsual * guidedShare

async function runTarget(name: string): Promise<WorkerAnswer> {
  const seeds = corpusOf(name)
  assert.ok(seeds.length > 0, `tests/fuzz/corpus/${name} has no seeds`)
  const executionsMax = executionsOf(name)
  const first = {
    executionsMax: Math.max(executionsMax * guidedShare, Math.min(executionsMax, executionsGuided)),
    secondsMax: secondsMax * guidedShare,
  }
  const guided = await runThread(name, { seeds, isGuided: true, seed, ...first })
  if (guided.failure) return guided
  const rest = {
    executionsMax: executionsMax - guided.executions,
    secondsMax: secondsMax * (1 - guidedShare),
  }
  const answer = await runThread(name, { seeds: guided.corpus, isGuided: false, seed: seed + 1, ...rest })
  return {
    ...answer,
    executions: guided.executions + answer.executions,
    found: guided.found + answer.found,
    functions: guided.functions,
    seconds: guided.seconds + answer.seconds,
  }
}

async function runThread(target: string, input: Omit<WorkerInput, 'now' | 'target'>): Promise<WorkerAnswer> {
  const now = new SharedArrayBuffer(inputAt + inputBytesMax)
  const counters = new Int32Array(now, 0, 2)
  const failed = (why: string): WorkerAnswer => ({
    executions: counters[0] ?? 0,
    found: 0,
    functions: 0,
    seconds: 0,
    corpus: [],
    failure: { input: new Uint8Array(now).slice(inputAt, inputAt + (counters[1] ?? 0)), why },
  })
  const workerData = { ...input, target, now } satisfies WorkerInput
  // Of code that V8 has kept compiled it counts less exactly.
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, env })
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<WorkerAnswer>((resolve) => {
      worker.once('message', resolve)
      worker.once('error', (error) => resolve(failed(`the thread crashed: ${error.stack}`)))
      worker.once('exit', () => resolve(failed('the thread ended')))
      let [count, sinceMs] = [-1, performance.now()]
      timer = setInterval(() => {
        const at = Atomics.load(counters, 0)
        if (at !== count) [count, sinceMs] = [at, performance.now()]
        else if (performance.now() - sinceMs > hangMs) resolve(failed(`hangs: ${hangMs} ms on one input`))
      }, pollMs)
    })
  } finally {
    clearInterval(timer)
    await worker.terminate()
  }
}
