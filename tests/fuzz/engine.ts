/**
 * The fuzzing loop, in a worker thread of its own: mutates inputs of the corpus, runs the target on each, and keeps those
 * that reach code which none before has reached. V8's own block counters say so; reading them takes a millisecond, so it is
 * done for a batch at a time, and a batch that has reached something new is halved until it is known which input did.
 */
import fc from 'fast-check'
import type { Random } from '../../src/base/ids.ts'
import { createMutator, type JsonTree, type Mutator } from './mutate.ts'
import { openCoverage, type Coverage, type Place } from './coverage.ts'
import type { FuzzRun, FuzzTarget } from './target.ts'

export interface FuzzOptions {
  readonly target: FuzzTarget
  readonly seeds: readonly Uint8Array[]
  readonly random: Random
  /** Ends at whichever comes first. */
  readonly executionsMax: number
  readonly deadlineMs: number
  /** By coverage, which makes every execution four times as slow; otherwise only an answer of a new kind keeps an input. */
  readonly isGuided: boolean
  /** Called before each execution, so that a hang can be told and its input found. */
  readonly begin: (input: Uint8Array) => void
}

export interface FuzzOutcome {
  readonly executions: number
  /** Inputs that reached something new, beyond the seeds. */
  readonly found: number
  /** Functions of the project's own code that were run. */
  readonly functions: number
  /** The seeds and what was found. */
  readonly corpus: readonly Uint8Array[]
  readonly failure: FuzzFailure | undefined
}

export interface FuzzFailure {
  readonly input: Uint8Array
  readonly why: string
}

/** A batch grows while nothing new is found, for reading the counters costs as much as dozens of executions. */
const [batchMin, batchMax] = [100, 3_200]
/** Kept inputs beyond this replace old ones: the newest have reached the most. */
const corpusMax = 2_000
/** No input of these sizes takes a tenth of it; on a busy machine a pause may, so it is tried again before it counts. */
const executionMsMax = 1_000
const donorCount = 200

export async function fuzz(options: FuzzOptions): Promise<FuzzOutcome> {
  await using run = await options.target.open()
  using coverage = options.isGuided ? openCoverage() : undefined
  return await new Loop(options, run, coverage).go()
}

class Loop {
  readonly #options: FuzzOptions
  readonly #run: FuzzRun
  readonly #coverage: Coverage | undefined
  readonly #mutator: Mutator
  readonly #kinds = new Set<string>()
  readonly #corpus: Uint8Array[]
  #executions = 0
  #batchSize = batchMin
  #found = 0
  #failure: FuzzFailure | undefined

  constructor(options: FuzzOptions, run: FuzzRun, coverage: Coverage | undefined) {
    const { random, seeds, target } = options
    this.#options = options
    this.#run = run
    this.#coverage = coverage
    this.#corpus = seeds.length > 0 ? [...seeds] : [new Uint8Array(0)]
    const donors = fc.sample(fc.jsonValue({ maxDepth: 3 }), {
      numRuns: donorCount,
      seed: Math.floor(random.float() * 2 ** 31),
    }) as JsonTree[]
    const { bytesMax, dictionary, format } = target
    this.#mutator = createMutator({ random, format, dictionary, bytesMax, donors })
  }

  async go(): Promise<FuzzOutcome> {
    const { deadlineMs, executionsMax } = this.#options
    await this.#batch([...this.#corpus], false)
    while (!this.#failure && this.#executions < executionsMax && performance.now() < deadlineMs)
      await this.#batch(this.#offspring(), true)
    const [executions, found, failure] = [this.#executions, this.#found, this.#failure]
    return { executions, found, functions: this.#coverage?.functions ?? 0, corpus: this.#corpus, failure }
  }

  #offspring(): Uint8Array[] {
    return Array.from({ length: this.#batchSize }, () => this.#mutator.mutate(this.#parent(), this.#parent()))
  }

  /** The young are tried more often. */
  #parent(): Uint8Array {
    const { random } = this.#options
    const at = random.float() < 0.5 ? Math.sqrt(random.float()) : random.float()
    return this.#corpus[Math.floor(at * this.#corpus.length)] ?? new Uint8Array(0)
  }

  async #batch(inputs: readonly Uint8Array[], isKept: boolean): Promise<void> {
    const fresh: Uint8Array[] = []
    const { parallel = 1 } = this.#options.target
    for (let at = 0; at < inputs.length && !this.#failure; at += parallel)
      await Promise.all(
        inputs.slice(at, at + parallel).map(async (input) => {
          if (await this.#judge(input)) fresh.push(input)
        }),
      )
    this.#executions += inputs.length
    if (this.#failure) return
    if (!this.#coverage) return isKept ? fresh.forEach((input) => this.#keep(input)) : undefined
    const place = this.#coverage.takeNew()
    this.#batchSize = place
      ? Math.max(batchMin, this.#batchSize / 4)
      : Math.min(batchMax, this.#batchSize * 2)
    const reached =
      place !== undefined && isKept && parallel === 1 ? await this.#whichReached(inputs, place) : []
    if (isKept) for (const input of new Set([...reached, ...fresh])) this.#keep(input)
  }

  /** Runs halves of the batch again and follows the one that reaches the place again. */
  async #whichReached(inputs: readonly Uint8Array[], place: Place): Promise<readonly Uint8Array[]> {
    let suspects = inputs
    while (suspects.length > 1) {
      const half = suspects.slice(0, Math.ceil(suspects.length / 2))
      for (const input of half) await this.#judge(input)
      if (this.#failure) return []
      suspects = this.#coverage?.reaches(place) ? half : suspects.slice(half.length)
    }
    return suspects
  }

  #keep(input: Uint8Array): void {
    this.#found++
    if (this.#corpus.length < corpusMax) this.#corpus.push(input)
    else this.#corpus[Math.floor(this.#options.random.float() * corpusMax)] = input
  }

  /** True when the answer was of a new kind. */
  async #judge(input: Uint8Array): Promise<boolean> {
    const { begin, target } = this.#options
    begin(input)
    try {
      const startMs = performance.now()
      const kind = await this.#run.run(input)
      if (target.parallel === undefined && performance.now() - startMs > executionMsMax)
        await this.#tryAgain(input)
      if (this.#kinds.has(kind)) return false
      this.#kinds.add(kind)
      return true
    } catch (error) {
      this.#failure ??= {
        input,
        why: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }
      return false
    }
  }

  async #tryAgain(input: Uint8Array): Promise<void> {
    const startMs = performance.now()
    await this.#run.run(input)
    const tookMs = performance.now() - startMs
    if (tookMs > executionMsMax) throw new Error(`took ${Math.round(tookMs)} ms, twice`)
  }
}
