/** Requests to a cluster's API as they come: any method, any body, with the administrator's certificate or without. */
import { Agent, request } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'

export interface ApiAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface ApiAsk {
  readonly method?: string
  readonly path: string
  /** Text and bytes go as they are, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Api extends Disposable {
  ask(ask: ApiAsk): Promise<ApiAnswer>
}

/** Without `credentials` nobody is asking. */
export async function openApi(kubeconfig: string, credentials: 'admin' | 'nobody' = 'admin'): Promise<Api> {
  const { server, ca, cert, key } = await readKubeconfig(kubeconfig)
  const known = credentials === 'admin' && cert !== undefined && key !== undefined
  const agent = new Agent({ keepAlive: true, ...(ca && { ca }), ...(known && { cert, key }) })
  return {
    ask: ({ method = 'GET', path, body, headers }) =>
      new Promise((resolve, reject) => {
        const bytes = bytesOf(body)
        const outgoing = request(
          new URL(server),
          {
            agent,
            method,
            path,
            headers: {
              ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }),
              ...headers,
            },
            timeout: 20_000,
          },
          (incoming) => {
            let text = ''
            incoming.setEncoding('utf8')
            incoming.on('data', (chunk) => (text += String(chunk)))
            incoming.on('error', reject)
            incoming.on('end', () =>
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
            )
          },
        )
        outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')))
        outgoing.on('error', reject)
        outgoing.end(bytes)
      }),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body)
  return Buffer.from(JSON.stringify(body))
}
