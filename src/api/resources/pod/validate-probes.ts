/** Probes and lifecycle hooks of a container (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkHttpHeaderName } from '../../names.ts'
import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../schema/types.gen.ts'
import { invalid } from '../../validate-meta.ts'
import { validateNonnegative, validatePort } from '../validate-values.ts'

type Errors = readonly FieldError[]

export const validateProbes = (container: Container, path: string): Errors => {
  const { livenessProbe, readinessProbe, startupProbe } = container
  const errors: FieldError[] = []
  if (livenessProbe) errors.push(...validateOnceProbe(livenessProbe, `${path}.livenessProbe`))
  if (readinessProbe) {
    const field = `${path}.readinessProbe`
    const seconds = readinessProbe.terminationGracePeriodSeconds
    errors.push(...validateProbe(readinessProbe, field))
    if (seconds !== undefined) {
      const why = 'must not be set for readinessProbes'
      errors.push(fieldError.invalid(`${field}.terminationGracePeriodSeconds`, seconds, why))
    }
  }
  if (startupProbe) errors.push(...validateOnceProbe(startupProbe, `${path}.startupProbe`))
  return errors
}

/** `graceSeconds` is the pod's: a hook may not sleep longer. */
export const validateLifecycle = (
  { postStart, preStop }: Lifecycle,
  path: string,
  graceSeconds: number | undefined,
): Errors => [
  ...(postStart ? validateHook(postStart, `${path}.postStart`, graceSeconds) : []),
  ...(preStop ? validateHook(preStop, `${path}.preStop`, graceSeconds) : []),
]

/** A probe whose first success settles the matter. */
const validateOnceProbe = (probe: Probe, path: string): Errors => [
  ...validateProbe(probe, path),
  ...(probe.successThreshold === 1
    ? []
    : [fieldError.invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, 'must be 1')]),
]

const validateProbe = (probe: Probe, path: string): Errors => {
  const errors: FieldError[] = [...validateHandler(probe, path, undefined)]
  for (const name of counts) errors.push(...validateNonnegative(probe[name], `${path}.${name}`))
  const seconds = probe.terminationGracePeriodSeconds
  if (seconds !== undefined && seconds <= 0) {
    const field = `${path}.terminationGracePeriodSeconds`
    errors.push(fieldError.invalid(field, seconds, 'must be greater than 0'))
  }
  return errors
}

const counts = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

const validateHook = (hook: Handler, path: string, graceSeconds: number | undefined): Errors =>
  validateHandler(hook, path, graceSeconds)

/** Exactly one way of asking. The first one counts, each further one is an error. */
const validateHandler = (handler: Handler, path: string, graceSeconds: number | undefined): Errors => {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler
  const checks: [string, Errors][] = []
  if (exec) {
    const isEmpty = (exec.command ?? []).length === 0
    checks.push(['exec', isEmpty ? [fieldError.required(`${path}.exec.command`)] : []])
  }
  if (httpGet) checks.push(['httpGet', validateHttpGet(httpGet, `${path}.httpGet`)])
  if (tcpSocket) checks.push(['tcpSocket', validatePort(tcpSocket.port, `${path}.tcpSocket.port`)])
  if (grpc) checks.push(['grpc', validatePort(grpc.port, `${path}.grpc.port`)])
  if (sleep) checks.push(['sleep', validateSleep(sleep.seconds ?? 0, `${path}.sleep`, graceSeconds)])
  const [first, ...others] = checks
  if (first === undefined) return [fieldError.required(path, 'must specify a handler type')]
  const why = 'may not specify more than 1 handler type'
  return [...first[1], ...others.map(([name]) => fieldError.forbidden(`${path}.${name}`, why))]
}

const validateHttpGet = (action: HTTPGetAction, path: string): Errors => {
  const errors: FieldError[] = []
  if ((action.path ?? '') === '') errors.push(fieldError.required(`${path}.path`))
  errors.push(...validatePort(action.port, `${path}.port`))
  const scheme = action.scheme ?? ''
  if (!schemes.includes(scheme)) errors.push(fieldError.notSupported(`${path}.scheme`, scheme, schemes))
  for (const { name = '' } of action.httpHeaders ?? []) {
    errors.push(...invalid(`${path}.httpHeaders`, name, checkHttpHeaderName(name)))
  }
  return errors
}

const schemes: readonly string[] = ['HTTP', 'HTTPS']

const validateSleep = (seconds: number, path: string, graceSeconds: number | undefined): Errors => {
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return []
  const why = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`
  return [fieldError.invalid(path, seconds, why)]
}
