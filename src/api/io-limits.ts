/**
 * How much each container of a pod may read from its node's disk, and write to it, in a second. Kubernetes has no field for
 * that, so annotations of the pod say it: bytes as quantities (`sampan.dev/io-write-bytes: 10Mi`), operations as numbers.
 */
import { fieldError, type FieldError } from './field-errors.ts'
import { parseQuantity, quantityProblem, valueOf } from './quantity.ts'

export interface IoLimits {
  readonly readBytes?: number
  readonly writeBytes?: number
  readonly readOps?: number
  readonly writeOps?: number
}

export const ioAnnotations: Readonly<Record<keyof IoLimits, string>> = {
  readBytes: 'sampan.dev/io-read-bytes',
  writeBytes: 'sampan.dev/io-write-bytes',
  readOps: 'sampan.dev/io-read-ops',
  writeOps: 'sampan.dev/io-write-ops',
}

type Annotations = Readonly<Record<string, string>>

/** Of annotations that are valid; what they don't say has no limit. Undefined when they say nothing. */
export function ioLimitsOf(annotations: Annotations = {}): IoLimits | undefined {
  const limits = Object.entries(ioAnnotations).flatMap(([name, annotation]) => {
    const text = annotations[annotation]
    return text === undefined || problemOf(text) !== undefined ? [] : [[name, valueOf(parseQuantity(text))]]
  })
  return limits.length === 0 ? undefined : (Object.fromEntries(limits) as IoLimits)
}

export const validateIoLimits = (annotations: Annotations = {}): readonly FieldError[] =>
  Object.values(ioAnnotations).flatMap((annotation) => {
    const text = annotations[annotation]
    const problem = text === undefined ? undefined : problemOf(text)
    return problem === undefined
      ? []
      : [fieldError.invalid(`metadata.annotations[${annotation}]`, text, problem)]
  })

function problemOf(text: string): string | undefined {
  const problem = quantityProblem(text)
  if (problem !== undefined) return problem
  const value = valueOf(parseQuantity(text))
  return value >= 1 && Number.isSafeInteger(value) ? undefined : 'must be one or more for each second'
}
