/**
 * Nobody starves: requests of one user are a flow, flows take turns. While there is room a request runs at once; when there
 * is none it waits in its flow's queue, and the next free place goes to the waiting flow that has the fewest requests
 * running. A flow whose queue is full is told to come back in a second (429).
 *
 *   request ─ room? ─ yes ─▶ running ─▶ done ─▶ next from the flow that runs least
 *                └─── no ──▶ queue of its flow ─ full? ─▶ 429, Retry-After: 1
 */
import { abortReason } from '../../base/clock.ts'
import { deferred, type Deferred } from '../../base/deferred.ts'
import { tooManyRequests } from '../../api/status.ts'
import type { UserInfo } from '../http.ts'
import { isTrue, type RequestInfo } from '../request-info.ts'

export interface Fairness {
  /** Runs `work` when it is its turn. Throws TooManyRequests, or the signal's reason when nobody waits any more; only a request that waits is asked for its signal. */
  run<T>(flow: string, work: () => Promise<T>, request?: Waiting): Promise<T>
  readonly running: number
  readonly waiting: number
}

interface Waiting {
  readonly signal?: AbortSignal | undefined
}

export interface FairnessLimits {
  readonly runningMax: number
  readonly runningPerFlowMax: number
  readonly waitingPerFlowMax: number
  readonly waitingMax: number
}

/**
 * One process answers them all: more at once only wait for each other inside. One flow alone leaves a quarter of the places
 * to those who come after it. What waits is bounded by what a second or two of work can answer.
 */
export const fairnessLimits: FairnessLimits = {
  runningMax: 256,
  runningPerFlowMax: 192,
  waitingPerFlowMax: 1_024,
  waitingMax: 8_192,
}

interface Flow {
  readonly name: string
  running: number
  readonly queue: Deferred<void>[]
}

export const createFairness = (limits: FairnessLimits = fairnessLimits): Fairness => new Turns(limits)

class Turns implements Fairness {
  readonly #limits: FairnessLimits
  /** Those with something running or waiting. */
  readonly #flows = new Map<string, Flow>()
  /** Those with a queue; of two that run as much, the one that has waited longer for its turn comes first. */
  readonly #queued = new Set<Flow>()
  #running = 0
  #waiting = 0

  constructor(limits: FairnessLimits) {
    this.#limits = limits
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  async run<T>(name: string, work: () => Promise<T>, request?: Waiting): Promise<T> {
    let flow = this.#flows.get(name)
    if (!flow) this.#flows.set(name, (flow = { name, running: 0, queue: [] }))
    if (flow.queue.length === 0 && this.#hasRoom(flow)) this.#begin(flow)
    else await this.#turn(flow, request?.signal)
    try {
      return await work()
    } finally {
      flow.running--
      this.#running--
      if (this.#waiting > 0) this.#next()
      this.#forget(flow)
    }
  }

  #hasRoom(flow: Flow): boolean {
    return this.#running < this.#limits.runningMax && flow.running < this.#limits.runningPerFlowMax
  }

  #begin(flow: Flow): void {
    flow.running++
    this.#running++
  }

  #forget(flow: Flow): void {
    if (flow.running === 0 && flow.queue.length === 0) this.#flows.delete(flow.name)
  }

  /** Resolves when the request has begun. */
  async #turn(flow: Flow, signal: AbortSignal | undefined): Promise<void> {
    if (flow.queue.length >= this.#limits.waitingPerFlowMax || this.#waiting >= this.#limits.waitingMax) {
      this.#forget(flow)
      throw tooManyRequests('Too many requests, please try again later.', 1)
    }
    const turn = deferred()
    flow.queue.push(turn)
    this.#queued.add(flow)
    this.#waiting++
    const onAbort = () => {
      if (!this.#leave(flow, turn)) return
      this.#forget(flow)
      turn.reject(signal ? abortReason(signal) : new Error('aborted'))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await turn.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** False: it has left already. */
  #leave(flow: Flow, turn: Deferred<void>): boolean {
    const at = flow.queue.indexOf(turn)
    if (at < 0) return false
    flow.queue.splice(at, 1)
    this.#waiting--
    if (flow.queue.length === 0) this.#queued.delete(flow)
    return true
  }

  #next(): void {
    let chosen: Flow | undefined
    for (const flow of this.#queued)
      if (this.#hasRoom(flow) && flow.running < (chosen?.running ?? Infinity)) chosen = flow
    const turn = chosen?.queue[0]
    if (!chosen || !turn) return
    this.#leave(chosen, turn)
    // Behind the others that run as much.
    if (this.#queued.delete(chosen)) this.#queued.add(chosen)
    this.#begin(chosen)
    turn.resolve()
  }
}

const streams = new Set(['attach', 'exec', 'inspect', 'portforward', 'profile', 'proxy'])

/** Whose turn a request waits for. Undefined: it takes long by nature, or must be answered whatever else goes on. */
export function flowOf(user: UserInfo, info: RequestInfo): string | undefined {
  if (!info.isResource) return /^\/(healthz|livez|readyz)/.test(info.path) ? undefined : user.name
  return isLongRunning(info) ? undefined : user.name
}

/** It takes as long as its client likes. */
export const isLongRunning = ({ query, subresource, verb }: RequestInfo): boolean =>
  verb === 'watch' || streams.has(subresource) || (subresource === 'log' && isTrue(query.get('follow')))
