/**
 * Pods that must not run twice at once, also when their node is out of reach: what the API server, controllers and nodes
 * agree on. `docs/decisions/0012-run-once.md` has the whole and its bound.
 *
 *   the node's lease is renewed ──▶ 30 s: SIGTERM ──▶ 40 s: SIGKILL, whatever the agent does ──▶ 50 s: made again elsewhere
 */
import { fieldError, type FieldError } from './field-errors.ts'
import { keyed } from './paths.ts'
import type { ObjectMeta, Pod } from './schema/types.gen.ts'

/** On a pod, `true`: it runs only as long as its node's lease is renewed. For good, as its node's fence is. */
export const runOnceAnnotation = 'sampan.dev/run-once'

/** On such a pod, once it has a node: greater than that of any pod bound before. Its program reads it as SAMPAN_EPOCH. */
export const epochAnnotation = 'sampan.dev/epoch'

export const isRunOnce = ({ metadata }: { readonly metadata: ObjectMeta }): boolean =>
  metadata.annotations?.[runOnceAnnotation] === 'true'

export interface RunOnceTiming {
  /** How long a node may run such pods after it sent the last renewal that was answered. */
  readonly leaseSeconds: number
  /** How long before its end their programs get SIGTERM. */
  readonly warnSeconds: number
}

export const runOnceTiming: RunOnceTiming = { leaseSeconds: 40, warnSeconds: 10 }

/** For the kill after the lease's end: the fence looks once a second; clocks differ; a machine under load is late. */
export const runOnceMarginSeconds = 10

const fieldOf = (annotation: string): string => keyed('metadata.annotations', annotation)
const valueOf = (pod: Pod | undefined, annotation: string): string | undefined =>
  pod?.metadata.annotations?.[annotation]

/** What a user may not say of it. `old` is the pod before an update. */
export function validateRunOnce(pod: Pod, old?: Pod): readonly FieldError[] {
  const wish = valueOf(pod, runOnceAnnotation)
  const errors = [...refuseEpoch(pod.metadata, old)]
  if (old) {
    const why = 'may not be changed; make another pod'
    if (wish !== valueOf(old, runOnceAnnotation))
      errors.push(fieldError.forbidden(fieldOf(runOnceAnnotation), why))
    return errors
  }
  if (wish !== undefined && !isFlag(wish))
    errors.push(fieldError.notSupported(fieldOf(runOnceAnnotation), wish, flags))
  if (wish === 'true' && (pod.spec.nodeName ?? '') !== '') {
    const why = `a pod with ${runOnceAnnotation} gets its epoch when it is bound: leave its node to a scheduler or a Binding`
    errors.push(fieldError.forbidden('spec.nodeName', why))
  }
  return errors
}

const flags = ['true', 'false']
const isFlag = (text: string): boolean => flags.includes(text)

/** Of a pod or a Binding: the epoch is the server's to give. */
export function refuseEpoch({ annotations }: ObjectMeta, old?: Pod): readonly FieldError[] {
  if (annotations?.[epochAnnotation] === valueOf(old, epochAnnotation)) return []
  const why = 'is given by the server when the pod is bound to its node; leave it out'
  return [fieldError.forbidden(fieldOf(epochAnnotation), why)]
}

/** A pod that is replaced by one that says nothing of its epoch keeps it. */
export function keepEpoch(pod: Pod, old: Pod): void {
  const epoch = valueOf(old, epochAnnotation)
  if (epoch !== undefined)
    pod.metadata.annotations = { [epochAnnotation]: epoch, ...pod.metadata.annotations }
}
