/** What a deletion may ask for, in its body or its query. */
import { fieldError, type FieldError } from '../api/field-errors.ts'
import { invalid } from '../api/status.ts'
import { dryRunErrors } from './write-options.ts'

export const unreadableOption = 'ignoreStoreReadErrorWithClusterBreakingPotential'

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: string
  readonly orphanDependents?: boolean
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: readonly string[]
  readonly ignoreStoreReadErrorWithClusterBreakingPotential?: boolean
}

/** Fills what the body leaves out from the query, and refuses nonsense. */
export function checkDeleteOptions(body: DeleteOptions, query: URLSearchParams): DeleteOptions {
  const grace = query.get('gracePeriodSeconds')
  const policy = query.get('propagationPolicy')
  const orphan = query.get('orphanDependents')
  const dryRun = query.getAll('dryRun').filter((value) => value !== '')
  const options: DeleteOptions = {
    ...(grace !== null && grace !== '' && { gracePeriodSeconds: Number(grace) }),
    ...(policy !== null && policy !== '' && { propagationPolicy: policy }),
    ...(orphan !== null && orphan !== '' && { orphanDependents: orphan === 'true' }),
    ...(dryRun.length > 0 && { dryRun }),
    ...(query.get(unreadableOption) === 'true' && { [unreadableOption]: true }),
    ...body,
  }
  const errors = [...dryRunErrors(options.dryRun ?? []), ...unreadableErrors(options)]
  if (options.gracePeriodSeconds !== undefined && !Number.isSafeInteger(options.gracePeriodSeconds))
    errors.push(fieldError.invalid('gracePeriodSeconds', grace, 'must be an integer'))
  if (options.propagationPolicy !== undefined && options.orphanDependents !== undefined) {
    const why = 'orphanDependents and deletionPropagation cannot be both set'
    errors.push(fieldError.invalid('propagationPolicy', options.propagationPolicy, why))
  }
  const policies = ['Foreground', 'Background', 'Orphan']
  if (options.propagationPolicy !== undefined && !policies.includes(options.propagationPolicy))
    errors.push(fieldError.notSupported('propagationPolicy', options.propagationPolicy, [...policies, 'nil']))
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  return options
}

/**
 * Whatever asks for a look at the object first contradicts the option. Its resourceVersion is the store's and known; its uid
 * lies within what can't be read.
 */
function unreadableErrors(options: DeleteOptions): readonly FieldError[] {
  if (options[unreadableOption] !== true) return []
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = options
  const others = { gracePeriodSeconds, propagationPolicy, orphanDependents, dryRun }
  const contradictions = Object.entries(others).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [fieldError.invalid(unreadableOption, true, `cannot be set together with .${name}`)],
  )
  if (preconditions?.uid === undefined) return contradictions
  const why = `cannot be set together with .preconditions.uid: the uid of an object that can't be read is not known; say which state of it is meant by .preconditions.resourceVersion`
  return [...contradictions, fieldError.invalid(unreadableOption, true, why)]
}
