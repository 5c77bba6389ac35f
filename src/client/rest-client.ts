import { apiVersionOf, type KubeObject } from '../api/meta.ts'
import { StatusError, isStatus, type Status } from '../api/status.ts'
import {
  TransportError,
  type Client,
  type DeleteQuery,
  type ListQuery,
  type NamedQuery,
  type ObjectList,
  type PatchType,
  type RawRequest,
  type ResourceClient,
  type ResourceRef,
  type WatchEvent,
  type WatchQuery,
} from './client.ts'
import type { Transport, TransportResponse } from './transport.ts'

const patchContentType: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}

/** A list of everything in a big cluster, and no more: a runaway answer must not take the process down. */
const bodyBytesMax = 1024 * 1024 * 1024
/** One object and its frame, above the server's own 4 MiB for a value. */
const eventBytesMax = 8 * 1024 * 1024

/** The client over any transport. `userAgent` names the caller and becomes its field manager. */
export function restClient(transport: Transport, userAgent: string): Client {
  const send = async ({ method, path, body, contentType, signal }: RawRequest) => {
    const response = await transport.send({
      method,
      path,
      headers: {
        accept: 'application/json',
        'user-agent': userAgent,
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      },
      ...(body === undefined ? {} : { body: encoder.encode(JSON.stringify(body)) }),
      ...(signal && { signal }),
    })
    if (response.status >= 400) throw await errorOf(response, `${method} ${path}`)
    return response
  }
  const client: Client = {
    async request<T>(request: RawRequest) {
      return parse(await readAll((await send(request)).body), request.path) as T
    },
    async stream(request) {
      return (await send(request)).body
    },
    resource: <T extends KubeObject>(ref: ResourceRef) => resourceClient<T>(client, ref),
  }
  return client
}

const encoder = new TextEncoder()

function resourceClient<T extends KubeObject>(client: Client, ref: ResourceRef): ResourceClient<T> {
  const version = `/${ref.group === '' ? 'api' : 'apis'}/${apiVersionOf(ref.group, ref.version)}`
  const collection = (namespace: string | undefined) =>
    ref.namespaced && namespace
      ? `${version}/namespaces/${namespace}/${ref.plural}`
      : `${version}/${ref.plural}`
  const named = (name: string, { namespace }: NamedQuery, subresource?: string) =>
    `${collection(namespace)}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`
  const nameOf = (object: T) => object.metadata.name ?? ''
  const scope = (object: T, query: NamedQuery): NamedQuery => ({
    ...query,
    ...(object.metadata.namespace !== undefined && { namespace: object.metadata.namespace }),
  })
  const withSignal = (query: { readonly signal?: AbortSignal }) =>
    query.signal ? { signal: query.signal } : {}
  const put = (object: T, query: NamedQuery, subresource?: string) =>
    client.request<T>({
      method: 'PUT',
      path: named(nameOf(object), scope(object, query), subresource),
      body: object,
      ...withSignal(query),
    })

  return {
    get: (name, query = {}) =>
      client.request({ method: 'GET', path: named(name, query), ...withSignal(query) }),
    list: (query = {}) =>
      client.request<ObjectList<T>>({
        method: 'GET',
        path: collection(query.namespace) + search(listParameters(query)),
        ...withSignal(query),
      }),
    watch: (query) => watch<T>(client, collection(query.namespace), query),
    create: (object, query = {}) =>
      client.request({
        method: 'POST',
        path: collection(scope(object, query).namespace),
        body: object,
        ...withSignal(query),
      }),
    update: (object, query = {}) => put(object, query, query.subresource),
    updateStatus: (object, query = {}) => put(object, query, 'status'),
    patch: (name, type, patch, query = {}) =>
      client.request({
        method: 'PATCH',
        path: named(name, query, query.subresource),
        body: patch,
        contentType: patchContentType[type],
        ...withSignal(query),
      }),
    async delete(name, query = {}) {
      await client.request({
        method: 'DELETE',
        path: named(name, query),
        body: deleteOptions(query),
        ...withSignal(query),
      })
    },
  }
}

function deleteOptions({ gracePeriodSeconds, propagationPolicy, uid, resourceVersion }: DeleteQuery): object {
  const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(Object.keys(preconditions).length > 0 && { preconditions }),
  }
}

function listParameters(query: ListQuery): Record<string, string | number | undefined> {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = query
  return {
    labelSelector,
    fieldSelector,
    limit,
    continue: query.continue,
    resourceVersion,
    resourceVersionMatch,
  }
}

function search(parameters: Record<string, string | number | boolean | undefined>): string {
  const set = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return set.length === 0 ? '' : `?${set.map(([k, v]) => `${k}=${encodeURIComponent(String(v))}`).join('&')}`
}

async function* watch<T extends KubeObject>(
  client: Client,
  path: string,
  query: WatchQuery,
): AsyncGenerator<WatchEvent<T>> {
  const initial = query.sendInitialEvents
    ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
    : {}
  const parameters = {
    watch: true,
    allowWatchBookmarks: true,
    labelSelector: query.labelSelector,
    fieldSelector: query.fieldSelector,
    resourceVersion: query.resourceVersion,
    ...initial,
  }
  const body = await client.stream({ method: 'GET', path: path + search(parameters), signal: query.signal })
  for await (const line of jsonLines(body)) {
    const event = parse(line, path) as WatchEvent<T> | { type: 'ERROR'; object: Status }
    if (event.type === 'ERROR') throw new StatusError(event.object)
    yield event
  }
}

/** Splits a body at newlines. A line longer than `eventBytesMax` is a broken server. */
async function* jsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let begun: string[] = [] // the parts of a line whose end has not come: joined once, whatever its length
  let begunLength = 0
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true })
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = begun.join('') + text.slice(start, end)
      begun = []
      begunLength = 0
      start = end + 1
      if (line !== '') yield line
    }
    if (start === text.length) continue
    begun.push(text.slice(start))
    begunLength += text.length - start
    if (begunLength > eventBytesMax) throw new TransportError(`a watch event exceeds ${eventBytesMax} bytes`)
  }
  // A partial last line is an event that was cut off: the watch goes on from the last whole one.
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  const parts: string[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > bodyBytesMax) throw new TransportError(`an answer exceeds ${bodyBytesMax} bytes`)
    parts.push(decoder.decode(chunk, { stream: true }))
  }
  return parts.join('') + decoder.decode()
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TransportError(`the answer to ${path} is no JSON: ${text.slice(0, 80)}`, { cause })
  }
}

async function errorOf(response: TransportResponse, request: string): Promise<Error> {
  const text = await readAll(response.body)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    // Not from an API server (a proxy in between, say): the text itself goes into the error below.
  }
  if (isStatus(body)) return new StatusError(body)
  return new TransportError(`${request} was answered with ${response.status}: ${text.slice(0, 200)}`)
}
