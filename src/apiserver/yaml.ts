/**
 * YAML in and out. Its library takes microseconds for each byte, for which nobody else shall wait: what is more than a few KiB goes
 * to a thread, one document after the other. The thread lives only as long as there is something to do; clients send and ask for
 * JSON, and most servers never start one.
 *
 *   small ─▶ here      large ─▶ queue ─ full? ─▶ 429
 *                                 └──▶ thread ─ too long, too much memory? ─▶ 400, and a new thread for the next
 */
import { Worker } from 'node:worker_threads'
import type { JsonValue } from '../api/json.ts'
import {
  badRequest,
  failure,
  requestEntityTooLarge,
  serviceUnavailable,
  tooManyRequests,
} from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import { deferred, type Deferred } from '../base/deferred.ts'
import { neighbour } from '../base/neighbour.ts'
import { bodyBytesMax } from './body.ts'
import { parseYaml, yamlBytesMax } from './yaml-body.ts'
import type { Answer, Job } from './yaml-thread.ts'

export interface Yaml extends AsyncDisposable {
  /** What JSON could say too. Throws BadRequest for anything else, RequestEntityTooLarge, TooManyRequests. */
  parse(bytes: Uint8Array): Promise<JsonValue>
  /** What JSON bytes say, as YAML. Throws RequestEntityTooLarge, TooManyRequests. */
  stringify(json: Uint8Array): Promise<string>
}

/** Up to some 10 µs for each byte: 20 ms, where to start the thread takes 50 ms of a processor. */
const parsedHereBytesMax = 2 * 1024
/** Up to 2 µs for each byte. */
const writtenHereBytesMax = 8 * 1024
/** Twice the largest object: seconds for the thread. */
export const writtenBytesMax = 2 * bodyBytesMax
/** Each is smaller than what is bounded above. */
const waitingMax = 64
/** The largest take seconds; a machine may be busy. */
const jobTimeoutMs = 60_000
/** Far more than the library takes for the largest body or answer; a thread that wants more is ended instead of the server. */
const threadMemoryMiB = 256

export function createYaml(clock: Clock, memoryMiB = threadMemoryMiB): Yaml {
  const thread = new YamlThread(clock, memoryMiB)
  return {
    async parse(bytes) {
      // What is too long is refused there.
      if (bytes.length <= parsedHereBytesMax || bytes.length > yamlBytesMax) return await parseYaml(bytes)
      const json = await thread.ask({ kind: 'parse', text: textOf(bytes) })
      // Aliases make much of little.
      if (json.length > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
      return JSON.parse(json) as JsonValue
    },
    async stringify(json) {
      if (json.length > writtenBytesMax)
        throw failure(
          'RequestEntityTooLarge',
          `the answer is too large for YAML: limit is ${writtenBytesMax} bytes of JSON; ask for JSON, or for less with ?limit=`,
        )
      if (json.length > writtenHereBytesMax)
        return await thread.ask({ kind: 'stringify', text: textOf(json) })
      const { stringify } = await import('yaml')
      return stringify(JSON.parse(textOf(json)))
    },
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  }
}

const textOf = ({ buffer, byteLength, byteOffset }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('utf8')

interface Waiting {
  readonly job: Job
  readonly done: Deferred<string>
}

class YamlThread implements AsyncDisposable {
  readonly #clock: Clock
  readonly #memoryMiB: number
  readonly #waiting: Waiting[] = []
  /** Set while the thread lives or is being ended. */
  #running: Promise<void> | undefined
  #worker: Worker | undefined

  constructor(clock: Clock, memoryMiB: number) {
    this.#clock = clock
    this.#memoryMiB = memoryMiB
  }

  ask(job: Job): Promise<string> {
    if (this.#waiting.length >= waitingMax)
      throw tooManyRequests(`${waitingMax} requests with YAML wait already; JSON doesn't have to`, 5)
    const done = deferred<string>()
    this.#waiting.push({ job, done })
    this.#running ??= this.#run()
    return done.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { done } of this.#waiting.splice(0)) done.reject(serviceUnavailable('the server ends'))
    await this.#end()
    await this.#running
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { done, job } = next
      try {
        this.#worker ??= startThread(this.#memoryMiB)
        const answer = await answerOf(this.#worker, job, this.#clock)
        if ('text' in answer) done.resolve(answer.text)
        else done.reject(badRequest(answer.refusal))
      } catch (error) {
        await this.#end()
        done.reject(error instanceof Error ? error : new Error(String(error)))
      }
      // Another job may have come meanwhile.
      if (this.#waiting.length === 0) await this.#end()
    }
    this.#running = undefined
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }
}

function startThread(memoryMiB: number): Worker {
  const worker = new Worker(neighbour(import.meta.url, 'yaml-thread'), {
    resourceLimits: { maxOldGenerationSizeMb: memoryMiB },
  })
  // Whoever waits for an answer hears of it; between two jobs it concerns nobody, and the next one finds the thread ended.
  worker.on('error', () => {})
  return worker
}

/** Rejects when the thread is fit for nothing any more. */
async function answerOf(worker: Worker, job: Job, clock: Clock): Promise<Answer> {
  const { promise, reject, resolve } = Promise.withResolvers<Answer>()
  const cancel = clock.after(jobTimeoutMs, () => reject(tooCostly()))
  const failed = (error: unknown) => reject(isOutOfMemory(error) ? tooCostly(error) : error)
  const ended = () => reject(serviceUnavailable('the thread that reads and writes YAML has ended'))
  worker.once('message', resolve).once('error', failed).once('exit', ended)
  try {
    worker.postMessage(job)
    return await promise
  } finally {
    cancel()
    worker.off('message', resolve).off('error', failed).off('exit', ended)
  }
}

const tooCostly = (cause?: unknown) =>
  badRequest('this YAML takes more time or memory than one request may; send and ask for JSON', { cause })

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
