/**
 * Commands that are clients of the API. Start reading at `logs.ts`, `profile.ts` and `inspect.ts`. They know no more than a kubeconfig and ask
 * nothing but the API; what is wrong they throw as an error whose message is the whole answer.
 */
import { delimiter } from 'node:path'
import { isStatus } from '../api/status.ts'
import { readKubeconfig, type Kubeconfig } from '../client/kubeconfig.ts'
import type { TransportResponse } from '../client/transport.ts'

export interface ServerChoice {
  /** `--kubeconfig`. */
  readonly kubeconfig?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What Sampan on this machine has written. */
  readonly otherwise: string
}

/** By the flag, else by $KUBECONFIG (the first file that it names), else this machine's own. */
export async function chooseServer({ env, kubeconfig, otherwise }: ServerChoice): Promise<Kubeconfig> {
  const [named] = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '')
  return await readKubeconfig(kubeconfig ?? named ?? otherwise)
}

export interface PodPlace {
  readonly namespace?: string
  readonly pod: string
  readonly container?: string
  /** Of the Node.js process, where the container has several. */
  readonly pid?: number
}

/** The path of a pod's subresource. */
export function podPath(
  { container, namespace, pid, pod }: PodPlace,
  { namespace: usual }: Pick<Kubeconfig, 'namespace'>,
  subresource: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams({
    ...more,
    ...(container !== undefined && { container }),
    ...(pid !== undefined && { pid: String(pid) }),
  })
  const place = [namespace ?? usual, 'pods', pod].map(encodeURIComponent).join('/')
  return `/api/v1/namespaces/${place}/${subresource}?${query.toString()}`
}

/** The message of a Status, else what there is. */
export function reasonOf(body: string, status: number): string {
  try {
    const said = JSON.parse(body) as unknown
    if (isStatus(said) && said.message) return said.message
  } catch {
    // Not from an API server.
  }
  return `the server answered ${status}${body === '' ? '' : `: ${body.slice(0, 500)}`}`
}

/** For commands about one pod: where it was looked for, and how to find its name. */
export function podRefusal(
  { body, status }: { readonly body: string; readonly status: number },
  { namespace, pod }: PodPlace,
  { namespace: usual }: Pick<Kubeconfig, 'namespace'>,
): Error {
  const where = namespace ?? usual
  const reason = reasonOf(body, status)
  return new Error(
    reason === `pods "${pod}" not found`
      ? `${reason} in the namespace ${where}: \`kubectl get pods -n ${where}\` lists what is there`
      : reason,
  )
}

const errorBytesMax = 64 * 1024

/** The body of an answer that is an error. */
export async function textOf({ body }: TransportResponse): Promise<string> {
  let text = ''
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString('utf8')
    if (text.length > errorBytesMax) break
  }
  return text
}
