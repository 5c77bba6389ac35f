/** Asks one probe's question once. */
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { http } from '../base/node-http.ts'
import type { Container, HTTPGetAction, IntOrString, Probe } from '../api/schema/types.gen.ts'
import type { ExecCommand, Handle, Runtime } from '../runtime/runtime.ts'
import { askGrpc } from './grpc-probe.ts'
import { timeoutMs } from './probe-state.ts'

export interface ProbeTarget {
  readonly container: Container
  /** Where the pod really listens. */
  readonly address: string
  /** What messages call it. */
  readonly podIP: string
  readonly handle: Handle
  readonly runtime: Runtime
  readonly clock: Clock
  /** Makes a command one that sees the container's volumes. */
  readonly enter: (argv: readonly string[]) => Promise<ExecCommand>
}

export interface ProbeAnswer {
  readonly isSuccess: boolean
  /** Why not, in upstream's words. */
  readonly message: string
}

/** The kernel answers for a local program. */
const listenAnswerMsMax = 1_000

const success: ProbeAnswer = { isSuccess: true, message: '' }
const failure = (message: string): ProbeAnswer => ({ isSuccess: false, message })

/** Never throws: a question that can't be asked is answered with no. */
export async function ask(probe: Probe, target: ProbeTarget): Promise<ProbeAnswer> {
  try {
    if (probe.httpGet) return await askHttp(probe.httpGet, timeoutMs(probe), target)
    if (probe.tcpSocket) {
      const port = portNumber(probe.tcpSocket.port, target.container)
      return await askTcp({ host: probe.tcpSocket.host ?? target.address, port }, timeoutMs(probe), target)
    }
    if (probe.exec) return await askExec(probe.exec.command ?? [], timeoutMs(probe), target)
    if (probe.grpc) {
      const { port, service = '' } = probe.grpc
      return await askGrpc({ host: target.address, port, service, limitMs: timeoutMs(probe) }, target)
    }
    return failure('the probe names nothing to ask: use httpGet, tcpSocket, exec or grpc')
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error))
  }
}

function portNumber(port: IntOrString, { name, ports }: Container): number {
  const found = ports?.find((entry) => entry.name === port)?.containerPort ?? Number(port)
  if (Number.isInteger(found) && found > 0 && found < 65_536) return found
  throw new Error(`couldn't find port "${port}" in container "${name}"`)
}

async function askHttp(action: HTTPGetAction, limitMs: number, target: ProbeTarget): Promise<ProbeAnswer> {
  const code = await getHttp(action, limitMs, target)
  return code >= 200 && code < 400 ? success : failure(`HTTP probe failed with statuscode: ${code}`)
}

/** The status of the answer; rejects when there is none. */
export function getHttp(action: HTTPGetAction, limitMs: number, target: ProbeTarget): Promise<number> {
  const secure = action.scheme === 'HTTPS'
  const port = portNumber(action.port, target.container)
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`
  const shown = `${secure ? 'https' : 'http'}://${action.host ?? target.podIP}:${port}${path}`
  const headers: Record<string, string> = {
    'user-agent': 'kube-probe/1.35',
    accept: '*/*',
    connection: 'close',
  }
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value
  headers['host'] ??= `${action.host ?? target.podIP}:${port}`
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : http.request)({
      host: action.host ?? target.address,
      port,
      path,
      headers,
      // A fresh connection each time; probes don't check certificates, as upstream.
      agent: secure ? new HttpsAgent({ rejectUnauthorized: false }) : false,
    })
    const fail = (message: string) => {
      cancel()
      request.destroy()
      reject(new Error(`Get "${shown}": ${message}`))
    }
    const cancel = target.clock.after(limitMs, () =>
      fail('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'),
    )
    request.on('response', ({ statusCode = 0 }: IncomingMessage) => {
      cancel()
      request.destroy()
      resolve(statusCode)
    })
    request.on('error', (error) => fail(describe(error, `${target.podIP}:${port}`)))
    request.end()
  })
}

/** Whether one of the ports takes connections. Never throws. */
export async function isListening(ports: readonly number[], target: ProbeTarget): Promise<boolean> {
  const answers = await Promise.all(
    ports.map((port) => askTcp({ host: target.address, port }, listenAnswerMsMax, target)),
  )
  return answers.some(({ isSuccess }) => isSuccess)
}

function askTcp(
  to: { readonly host: string; readonly port: number },
  limitMs: number,
  { clock, podIP }: ProbeTarget,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect(to)
    const finish = (answer: ProbeAnswer) => {
      cancel()
      socket.destroy()
      resolve(answer)
    }
    const cancel = clock.after(limitMs, () => finish(failure(`dial tcp ${podIP}:${to.port}: i/o timeout`)))
    socket.on('connect', () => finish(success))
    socket.on('error', (error) => finish(failure(describe(error, `${podIP}:${to.port}`))))
  })
}

export async function askExec(
  command: readonly string[],
  limitMs: number,
  { runtime, handle, enter }: ProbeTarget,
): Promise<ProbeAnswer> {
  const { code, output } = await runtime.exec(handle, { ...(await enter(command)), timeoutMs: limitMs })
  return code === 0 ? success : failure(output.trim() || `command exited with code ${code}`)
}

function describe(error: Error, address: string): string {
  const isRefused = 'code' in error && error.code === 'ECONNREFUSED'
  return isRefused ? `dial tcp ${address}: connect: connection refused` : error.message
}
