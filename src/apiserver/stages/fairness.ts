/**
 * Nobody starves: requests of one user are a flow, flows take turns. While there is room a request runs at once; when there
 * is none it waits in its flow's queue, and the next free place goes to the waiting flow that has the fewest requests
 * running. A flow whose queue is full is told to come back in a second (429).
 *
 *   request ─ room? ─ yes ─▶ running ─▶ done ─▶ next from the flow that runs least
 *                └─── no ──▶ queue of its flow ─ full? ─▶ 429, Retry-After: 1
 */
import { deferred, type Deferred } from '../../base/deferred.ts'
import { tooManyRequests } from '../../api/status.ts'
import type { UserInfo } from '../http.ts'
import { isTrue, type RequestInfo } from '../request-info.ts'

export interface Fairness {
  /** Runs `work` when it is its turn. Throws TooManyRequests, or the signal's reason when nobody waits any more. */
  run<T>(flow: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  readonly running: number
  readonly waiting: number
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
  running: number
  readonly queue: Deferred<void>[]
}

export function createFairness(limits: FairnessLimits = fairnessLimits): Fairness {
  const flows = new Map<string, Flow>()
  /** Those with a queue, in the order in which they began to wait. */
  const queued = new Set<Flow>()
  let running = 0
  let waiting = 0

  const mayRun = (flow: Flow) => running < limits.runningMax && flow.running < limits.runningPerFlowMax
  const leave = (flow: Flow, turn: Deferred<void>) => {
    const at = flow.queue.indexOf(turn)
    if (at < 0) return false
    flow.queue.splice(at, 1)
    waiting--
    if (flow.queue.length === 0) queued.delete(flow)
    return true
  }
  const wait = (flow: Flow, signal: AbortSignal | undefined): Promise<void> => {
    if (flow.queue.length >= limits.waitingPerFlowMax || waiting >= limits.waitingMax)
      throw tooManyRequests('Too many requests, please try again later.', 1)
    const turn = deferred()
    flow.queue.push(turn)
    queued.delete(flow)
    queued.add(flow)
    waiting++
    if (!signal) return turn.promise
    const onAbort = () => void (leave(flow, turn) && turn.reject(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    return turn.promise.finally(() => signal.removeEventListener('abort', onAbort))
  }
  const begin = (flow: Flow) => {
    flow.running++
    running++
  }
  const next = () => {
    let chosen: Flow | undefined
    for (const flow of queued) if (mayRun(flow) && flow.running < (chosen?.running ?? Infinity)) chosen = flow
    const [turn] = chosen?.queue ?? []
    if (!chosen || !turn) return
    leave(chosen, turn)
    // Behind the others that run as much.
    if (queued.delete(chosen)) queued.add(chosen)
    begin(chosen)
    turn.resolve()
  }
  const forget = (name: string, flow: Flow) => {
    if (flow.running === 0 && flow.queue.length === 0) flows.delete(name)
  }
  const end = (name: string, flow: Flow) => {
    flow.running--
    running--
    next()
    forget(name, flow)
  }
  return {
    async run(name, work, signal) {
      let flow = flows.get(name)
      if (!flow) flows.set(name, (flow = { running: 0, queue: [] }))
      if (mayRun(flow) && flow.queue.length === 0) begin(flow)
      else {
        try {
          await wait(flow, signal)
        } catch (error) {
          forget(name, flow)
          throw error
        }
      }
      try {
        return await work()
      } finally {
        end(name, flow)
      }
    },
    get running() {
      return running
    },
    get waiting() {
      return waiting
    },
  }
}

const streams = new Set(['attach', 'exec', 'portforward', 'proxy'])

/** Whose turn a request waits for. Undefined: it takes long by nature, or must be answered whatever else goes on. */
export function flowOf(user: UserInfo, info: RequestInfo): string | undefined {
  if (!info.isResource) return /^\/(healthz|livez|readyz)/.test(info.path) ? undefined : user.name
  if (info.verb === 'watch' || streams.has(info.subresource)) return undefined
  if (info.subresource === 'log' && isTrue(info.query.get('follow'))) return undefined
  return user.name
}
