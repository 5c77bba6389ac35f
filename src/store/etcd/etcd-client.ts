import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import type { Logger } from '../../base/logger.ts'
import { closedError } from '../errors.ts'
import { StoreError } from '../store.ts'
import { isAuthOff, isNotTaken, isPassing, isTokenStale } from './etcd-errors.ts'
import type { EtcdConfig } from './etcd-url.ts'
import {
  GrpcError,
  grpcCodes,
  openGrpcSession,
  type GrpcSession,
  type GrpcStream,
  type OpenGrpcStream,
} from './grpc-session.ts'
import { authenticateRequest, authenticateResponse, methods } from './messages.ts'
import { frameOf, type Parts } from './protobuf.ts'

/**
 * etcd as one address: a connection to one of its members, to the next when that one is gone, frozen or cut off from
 * the others.
 *
 *     call ─▶ session ─▶ answer
 *               │ failed, and the request may be repeated
 *               └──▶ next endpoint, after a pause ─▶ … until the call's time is over
 */
export interface EtcdClient extends AsyncDisposable {
  readonly isClosed: boolean
  /** For reads, and for writes that may happen twice: sent again until it is answered. */
  ask(method: string, message: Parts): Promise<Buffer>
  /** Sent again only when it certainly had no effect; another failure leaves the outcome open. */
  write(method: string, message: Parts): Promise<Buffer>
  /** One attempt: who watches knows where to go on. */
  watch(message: Parts, stream: GrpcStream): Promise<OpenGrpcStream>
}

export interface EtcdClientOptions {
  readonly config: EtcdConfig
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** For all attempts together. */
const callMsMax = 10_000
/** A member that is frozen, or lost its leader, is given this long before another is asked; then twice as long. */
const askAttemptMs = 2_000
/** Longer than the 7 s after which etcd itself gives up, so that it can say what happened. */
const writeAttemptMs = 8_000
const retry = { baseMs: 25, factor: 2, capMs: 1_000, jitter: 0.5 }
const closeMsMax = 1_000
/** During an election every member refuses: a crowd of callers must not chase each other from one to the next. */
const staysMsMin = 500

export const openEtcdClient = (options: EtcdClientOptions): EtcdClient => new FailoverClient(options)

class FailoverClient implements EtcdClient {
  readonly #options: EtcdClientOptions
  readonly #closing = new AbortController()
  /** The one in use, or about to be. */
  #connecting: Promise<GrpcSession> | undefined
  /** The same, once it is there. */
  #session: GrpcSession | undefined
  #sessionSinceMs = 0
  /** Left behind, finishing what was asked of them. */
  readonly #leaving = new Set<GrpcSession>()
  #nextEndpoint = 0
  #token: Promise<string | undefined> | undefined

  constructor(options: EtcdClientOptions) {
    this.#options = options
    // Not all clients begin with the first member.
    this.#nextEndpoint = Math.floor(options.random.float() * options.config.endpoints.length)
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  ask(method: string, message: Parts): Promise<Buffer> {
    return this.#call(method, frameOf(message), { attemptMs: askAttemptMs, mayRepeat: isPassing })
  }

  write(method: string, message: Parts): Promise<Buffer> {
    return this.#call(method, frameOf(message), { attemptMs: writeAttemptMs, mayRepeat: isNotTaken })
  }

  async watch(message: Parts, stream: GrpcStream): Promise<OpenGrpcStream> {
    const session = await this.#connect()
    const token = await this.#authenticate(session)
    const onEnd = (error?: GrpcError) => {
      if (error) this.#learn(error, session)
      stream.onEnd(error)
    }
    return session.stream({ path: methods.watch, frame: frameOf(message), token }, { ...stream, onEnd })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(closedError())
    const connecting = await this.#connecting?.catch(() => undefined) // it failed: nothing to close
    const sessions = new Set(this.#leaving)
    if (connecting) sessions.add(connecting)
    await Promise.all([...sessions].map((session) => this.#close(session)))
  }

  async #call(
    path: string,
    frame: Uint8Array,
    {
      attemptMs,
      mayRepeat,
    }: { readonly attemptMs: number; readonly mayRepeat: (error: GrpcError) => boolean },
  ): Promise<Buffer> {
    const { clock, random } = this.#options
    const deadlineMs = clock.monotonicMs() + callMsMax
    for (let attempt = 0; ; attempt++) {
      const session = this.#session
      let used = session
      try {
        used = session && !session.isClosed ? session : await this.#connect()
        const token = this.#options.config.user ? await this.#authenticate(used) : undefined
        const timeoutMs = Math.min(attemptMs * 2 ** attempt, deadlineMs - clock.monotonicMs())
        return await used.unary({ path, frame, token, timeoutMs })
      } catch (error) {
        if (!(error instanceof GrpcError)) throw error
        const isStale = isTokenStale(error) && attempt === 0
        if (used) this.#learn(error, used)
        const pauseMs = isStale ? 0 : backoffMs(attempt, retry, random)
        const isOver = clock.monotonicMs() + pauseMs >= deadlineMs
        if (isOver || !(isStale || mayRepeat(error))) throw error
        await clock.sleep(pauseMs, this.#closing.signal)
      }
    }
  }

  /** What a failure says about the connection and the token. */
  #learn(error: GrpcError, session: GrpcSession): void {
    if (isTokenStale(error)) this.#token = undefined
    // With one endpoint a living connection is as good as another.
    const { config, clock } = this.#options
    const hasStayed = clock.monotonicMs() - this.#sessionSinceMs >= staysMsMin
    const isElsewhereBetter = isPassing(error) && hasStayed && config.endpoints.length > 1
    if (this.#session === session && (session.isClosed || isElsewhereBetter)) this.#leave(session, error)
  }

  #leave(session: GrpcSession, error: GrpcError): void {
    const { logger } = this.#options
    logger.info('leaving a member of etcd', { endpoint: session.name, error })
    this.#session = undefined
    this.#connecting = undefined
    this.#nextEndpoint++
    this.#leaving.add(session)
    void this.#close(session).finally(() => this.#leaving.delete(session))
  }

  async #close(session: GrpcSession): Promise<void> {
    const cancel = this.#options.clock.after(closeMsMax, () =>
      session.destroy(new Error('it was left behind')),
    )
    await session.close()
    cancel()
  }

  #connect(): Promise<GrpcSession> {
    if (this.#session && !this.#session.isClosed) return Promise.resolve(this.#session)
    if (this.#session) [this.#session, this.#connecting] = [undefined, undefined]
    this.#connecting ??= this.#connectAny().then(
      (session) => {
        this.#sessionSinceMs = this.#options.clock.monotonicMs()
        this.#session = session
        return session
      },
      (error: unknown) => {
        this.#connecting = undefined
        throw error
      },
    )
    return this.#connecting
  }

  async #connectAny(): Promise<GrpcSession> {
    const { config, clock } = this.#options
    const failures: unknown[] = []
    for (const _ of config.endpoints) {
      this.#closing.signal.throwIfAborted()
      const endpoint = config.endpoints[this.#nextEndpoint % config.endpoints.length]
      if (!endpoint) break
      try {
        return await openGrpcSession(endpoint, config.tls, clock)
      } catch (error) {
        failures.push(error)
        this.#nextEndpoint++
      }
    }
    const cause =
      failures.length > 1 ? new AggregateError(failures, failures.map(messageOf).join('; ')) : failures[0]
    throw new GrpcError(grpcCodes.unavailable, 'no endpoint of etcd answers', { cause, isUnseen: true })
  }

  #authenticate(session: GrpcSession): Promise<string | undefined> {
    const { user } = this.#options.config
    if (!user) return Promise.resolve(undefined)
    this.#token ??= askToken(session, user).catch((error: unknown) => {
      this.#token = undefined
      throw error
    })
    return this.#token
  }
}

async function askToken(
  session: GrpcSession,
  user: { readonly name: string; readonly password: string },
): Promise<string | undefined> {
  const frame = frameOf(authenticateRequest(user))
  try {
    const answer = await session.unary({
      path: methods.authenticate,
      frame,
      token: undefined,
      timeoutMs: askAttemptMs,
    })
    return authenticateResponse(answer)
  } catch (error) {
    if (isAuthOff(error)) return undefined
    if (!(error instanceof GrpcError)) throw error
    if (error.code === grpcCodes.invalidArgument) {
      const message = `etcd does not accept the user "${user.name}" with this password; mend the URL of the store.`
      throw new StoreError('unavailable', message, { cause: error })
    }
    // Nothing was written by asking for a token.
    throw new GrpcError(error.code, error.message, { cause: error, isUnseen: isPassing(error) })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
