/**
 * How every room but `apiserver/` speaks to the API: the same requests, over HTTP (`transport-http.ts`) or in process
 * (`transport-local.ts`). Start here, then `informer.ts` (a cache that follows a resource), `workqueue.ts` and
 * `controller.ts` (informers → queue → workers → back-off, once for all controllers).
 *
 * Every call takes an AbortSignal where it may wait, and throws `StatusError` (the wire's own error object) for
 * answers of the server and `TransportError` when there was no answer.
 */
import type { GroupVersion, KubeObject } from '../api/meta.ts'

/** Which resource a call is about. `ResourceDef` is one; so is this short form. */
export interface ResourceRef extends GroupVersion {
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

export interface ListQuery {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan'
  readonly signal?: AbortSignal
}

export interface ObjectList<T> {
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
  readonly items: readonly T[]
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: T }

export interface WatchQuery {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly resourceVersion?: string
  readonly sendInitialEvents?: boolean
  readonly signal: AbortSignal
}

export interface NamedQuery {
  readonly namespace?: string
  readonly signal?: AbortSignal
}

export interface DeleteQuery extends NamedQuery {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
  readonly uid?: string
  readonly resourceVersion?: string
}

export type PatchType = 'json' | 'merge' | 'strategic'

/** CRUD and watch for one resource. */
export interface ResourceClient<T extends KubeObject> {
  get(name: string, query?: NamedQuery): Promise<T>
  list(query?: ListQuery): Promise<ObjectList<T>>
  /** Ends when the server ends it or `signal` aborts; throws StatusError for an ERROR event (410: list again). */
  watch(query: WatchQuery): AsyncIterable<WatchEvent<T>>
  create(object: T, query?: NamedQuery): Promise<T>
  /** PUT: the object carries its namespace and, for optimistic locking, its resourceVersion. */
  update(object: T, query?: NamedQuery & { readonly subresource?: string }): Promise<T>
  updateStatus(object: T, query?: NamedQuery): Promise<T>
  patch(
    name: string,
    type: PatchType,
    patch: unknown,
    query?: NamedQuery & { readonly subresource?: string },
  ): Promise<T>
  delete(name: string, query?: DeleteQuery): Promise<void>
}

export interface Client {
  resource<T extends KubeObject>(ref: ResourceRef): ResourceClient<T>
  /** Any other request, e.g. `POST …/pods/x/binding`. Answers the parsed body. */
  request<T = unknown>(request: RawRequest): Promise<T>
  /** As `request`, with the body as a stream of bytes (logs). */
  stream(request: RawRequest): Promise<AsyncIterable<Uint8Array>>
}

export interface RawRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path with its query: `/api/v1/pods?limit=1`. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal
}

/** There was no answer: the connection failed, or was cut in the middle. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  /** Whether a write may have taken effect. False: there never was a connection to send it on. */
  readonly mayHaveArrived: boolean
  constructor(
    message: string,
    details: { readonly cause?: unknown; readonly mayHaveArrived?: boolean } = {},
  ) {
    super(message, { cause: details.cause })
    this.mayHaveArrived = details.mayHaveArrived ?? true
  }
}
