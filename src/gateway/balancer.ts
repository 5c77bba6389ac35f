import { type EndpointState as StateOf, EndpointState, type IdleConnection } from './endpoint-state.ts'
import { type Endpoint, type RouteData, usableEndpoints } from './route-data.ts'

/** The endpoints that a route leads to. The object stays the same across updates; its endpoints change. */
export interface Backend<C extends IdleConnection> {
  readonly key: string
  states: readonly StateOf<C>[]
}

export interface PickOptions<C extends IdleConnection> {
  /** Endpoints that have failed this request already. */
  readonly tried: readonly StateOf<C>[]
  readonly nowMs: number
}

/**
 * Chooses endpoints: of two random ones the less busy (no herd, no scan), past those put aside after a failure.
 * When all are aside, the one that comes back first is tried: an error is never answered without an attempt.
 */
export class Balancer<C extends IdleConnection> {
  readonly #connectionsMax: number
  readonly #random: () => number
  readonly #states = new Map<string, StateOf<C>>()
  readonly #backends = new Map<string, Backend<C>>()

  /** `random` gives an integer of 31 bits. */
  constructor(connectionsMax: number, random: () => number) {
    this.#connectionsMax = connectionsMax
    this.#random = random
  }

  get states(): IterableIterator<StateOf<C>> {
    return this.#states.values()
  }

  /** Takes over the backends of `data`. Endpoints that are gone lose their idle connections, not their requests. */
  update(data: RouteData): void {
    const kept = new Set<string>()
    for (const [key, endpoints] of data.backends) {
      const usable = usableEndpoints(endpoints)
      for (const endpoint of usable) kept.add(endpoint.key)
      this.backend(key).states = usable.map((endpoint) => this.#stateOf(endpoint))
    }
    for (const [key, backend] of this.#backends) {
      if (data.backends.has(key)) continue
      backend.states = []
      this.#backends.delete(key)
    }
    for (const [key, state] of this.#states) {
      if (kept.has(key)) continue
      this.#states.delete(key)
      state.isRetired = true
      state.closeIdle()
    }
  }

  /** The backend of a key; one without endpoints when the data has none. */
  backend(key: string): Backend<C> {
    const known = this.#backends.get(key)
    if (known) return known
    const backend: Backend<C> = { key, states: [] }
    this.#backends.set(key, backend)
    return backend
  }

  /** 'none': no endpoint is left to try. 'full': there are, but each has all the connections it may have. */
  pick(backend: Backend<C>, options: PickOptions<C>): StateOf<C> | 'none' | 'full' {
    const { states } = backend
    const count = states.length
    if (count === 0) return 'none'
    const first = states[count === 1 ? 0 : this.#random() % count] as StateOf<C>
    const isFirstFit = this.#isFit(first, options)
    if (count === 1) return isFirstFit ? first : this.#pickAmongAll(states, options)
    const second = states[this.#random() % count] as StateOf<C>
    if (!this.#isFit(second, options)) return isFirstFit ? first : this.#pickAmongAll(states, options)
    return isFirstFit && first.active <= second.active ? first : second
  }

  #isFit(state: StateOf<C>, { tried, nowMs }: PickOptions<C>): boolean {
    if (state.asideUntilMs > nowMs) return false
    return this.#hasRoom(state) && (tried.length === 0 || !tried.includes(state))
  }

  #hasRoom(state: StateOf<C>): boolean {
    return state.open < this.#connectionsMax || state.idle.length > 0
  }

  #pickAmongAll(
    states: readonly StateOf<C>[],
    { tried, nowMs }: PickOptions<C>,
  ): StateOf<C> | 'none' | 'full' {
    let best: StateOf<C> | undefined
    let isFull = false
    for (const state of states) {
      if (tried.includes(state)) continue
      if (!this.#hasRoom(state)) isFull = true
      else if (best === undefined || isBetter(state, best, nowMs)) best = state
    }
    return best ?? (isFull ? 'full' : 'none')
  }

  #stateOf(endpoint: Endpoint): StateOf<C> {
    const known = this.#states.get(endpoint.key)
    if (known) {
      known.endpoint = endpoint
      return known
    }
    const state = new EndpointState<C>(endpoint)
    this.#states.set(endpoint.key, state)
    return state
  }
}

function isBetter<C extends IdleConnection>(a: StateOf<C>, b: StateOf<C>, nowMs: number): boolean {
  const aAside = Math.max(0, a.asideUntilMs - nowMs)
  const bAside = Math.max(0, b.asideUntilMs - nowMs)
  return aAside === bAside ? a.active < b.active : aAside < bAside
}
