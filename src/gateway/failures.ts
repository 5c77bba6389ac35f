/** Every answer that the gateway gives itself. The reason goes into the header `x-sampan-reason`. */
export type FailureReason =
  | `bad-request:${string}`
  | 'request-timeout'
  /** Never an answer: the client did not read the one it was given. */
  | 'client-stalled'
  | 'route-not-found'
  | 'connect-refused'
  | 'connect-failed'
  | 'upstream-reset'
  | `bad-response:${string}`
  | 'no-endpoints'
  | 'overloaded'
  | 'connect-timeout'
  | 'response-timeout'

export interface Failure {
  readonly status: number
  readonly message: string
}

const failures: Record<string, Failure> = {
  'request-timeout': { status: 408, message: 'The request did not arrive in time.' },
  'route-not-found': {
    status: 404,
    message: 'No route matches this host and path. Look at the Ingress rules.',
  },
  'connect-refused': { status: 502, message: 'The app refused the connection. Is it listening on its port?' },
  'connect-failed': {
    status: 502,
    message: 'The app could not be reached. Look at its pods and their nodes.',
  },
  'upstream-reset': {
    status: 502,
    message: 'The app closed the connection before it answered. Look at its logs.',
  },
  'bad-response': { status: 502, message: 'The app answered with something that is not valid HTTP/1.1.' },
  'no-endpoints': {
    status: 503,
    message: 'No pod is ready to serve this route. Look at the Service and its pods.',
  },
  overloaded: { status: 503, message: 'Too many requests at once. Try again shortly.' },
  'connect-timeout': { status: 504, message: 'The app did not accept a connection in time.' },
  'response-timeout': { status: 504, message: 'The app accepted the request but did not answer in time.' },
  'bad-request': { status: 400, message: 'The request is not valid HTTP/1.1.' },
  'bad-request:request-line-too-long': { status: 414, message: 'The request line is longer than 8 KiB.' },
  'bad-request:head-too-long': { status: 431, message: 'The request head is longer than 16 KiB.' },
  'bad-request:too-many-headers': { status: 431, message: 'The request has more than 100 headers.' },
  'bad-request:path': {
    status: 400,
    message: 'The path has dot segments or broken percent-escapes. Send the path it resolves to.',
  },
}

const statusTexts: Record<number, string> = {
  400: 'Bad Request',
  404: 'Not Found',
  408: 'Request Timeout',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** The table's row for a reason: the exact one, else the one of the part before the colon. */
export function failureOf(reason: FailureReason): Failure {
  const row = failures[reason] ?? failures[reason.slice(0, Math.max(0, reason.indexOf(':')))]
  return row ?? { status: 502, message: 'The gateway could not answer.' }
}

export interface FailureForm {
  readonly asJson: boolean
  readonly closes: boolean
  /** An answer to HEAD: the length is told, the body is left out. */
  readonly isHead: boolean
}

/** The whole response as latin1 text; the texts are ASCII. */
export function renderFailure(reason: FailureReason, form: FailureForm): string {
  const { status, message } = failureOf(reason)
  const body = form.asJson
    ? `${JSON.stringify({ status, reason, message })}\n`
    : `${status} ${reason}: ${message}\n`
  const type = form.asJson ? 'application/json' : 'text/plain; charset=utf-8'
  return (
    `HTTP/1.1 ${status} ${statusTexts[status] ?? 'Error'}\r\n` +
    `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n` +
    `x-sampan-reason: ${reason}\r\n${status === 503 ? 'Retry-After: 1\r\n' : ''}` +
    `${form.closes ? 'Connection: close\r\n' : ''}\r\n${form.isHead ? '' : body}`
  )
}
