/**
 * What a LimitRange fills in and what it refuses (kubernetes plugin/pkg/admission/limitranger/admission.go eed236c). Pure but
 * for the pod that is filled in.
 */
import { compareQuantities, formatQuantity, type Quantity } from '../quantity.ts'
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../schema/types.gen.ts'
import { amountsFrom, containersOf, podAmounts, type Amounts } from './pod-amounts.ts'

const annotation = 'kubernetes.io/limit-ranger'

/** Gives containers the requests and limits that they don't name. Notes in an annotation what it did. */
export function applyLimitDefaults(pod: Pod, ranges: readonly LimitRange[]): void {
  const items = ranges.flatMap(({ spec }) => spec.limits).filter(({ type }) => type === 'Container')
  const notes: string[] = []
  const { init, main } = containersOf(pod.spec)
  for (const item of items) {
    for (const container of main) notes.push(...fillIn(container, item, 'container'))
    for (const container of init) notes.push(...fillIn(container, item, 'init container'))
  }
  if (notes.length === 0) return
  const text = `LimitRanger plugin set: ${notes.join('; ')}`
  pod.metadata.annotations = { ...pod.metadata.annotations, [annotation]: text }
}

function fillIn(container: Container, item: LimitRangeItem, what: string): string[] {
  const fill = (which: 'requests' | 'limits', defaults: Readonly<Record<string, string>> | undefined) => {
    const present = container.resources?.[which] ?? {}
    const names = Object.keys(defaults ?? {}).filter((name) => present[name] === undefined)
    if (names.length === 0) return []
    const added = Object.fromEntries(names.map((name) => [name, defaults?.[name] ?? '']))
    container.resources = { ...container.resources, [which]: { ...present, ...added } }
    return [`${names.toSorted().join(', ')} ${which.slice(0, -1)} for ${what} ${container.name}`]
  }
  return [...fill('requests', item.defaultRequest), ...fill('limits', item.default)]
}

/** Every sentence that speaks against the pod. */
export function podLimitProblems(pod: Pod, range: LimitRange): string[] {
  const { init, main } = containersOf(pod.spec)
  return range.spec.limits.flatMap((item) => {
    if (item.type === 'Pod') return problems(item, podAmounts(pod, 'requests'), podAmounts(pod, 'limits'))
    if (item.type !== 'Container') return []
    return [...main, ...init].flatMap(({ resources }) =>
      problems(item, amountsFrom(resources?.requests), amountsFrom(resources?.limits)),
    )
  })
}

/** A claim has no limits: what it requests is what counts. */
export function claimLimitProblems({ spec }: PersistentVolumeClaim, range: LimitRange): string[] {
  const requests = amountsFrom(spec.resources?.requests)
  const items = range.spec.limits.filter(({ type }) => type === 'PersistentVolumeClaim')
  return items.flatMap((item) => [
    ...each(item.min, (name, bound) => belowMin(item, name, bound, { request: requests[name] })),
    ...each(item.max, (name, bound) => {
      const says = `maximum ${name} usage per ${item.type} is ${formatQuantity(bound)}`
      const request = requests[name]
      if (!request) return `${says}.  No request is specified`
      return isMore(request, bound) ? `${says}, but request is ${formatQuantity(request)}` : undefined
    }),
  ])
}

const isMore = (a: Quantity, b: Quantity): boolean => compareQuantities(a, b) > 0

interface Observed {
  readonly request: Quantity | undefined
  readonly limit?: Quantity | undefined
}

const problems = (item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] => {
  const seen = (name: string): Observed => ({ request: requests[name], limit: limits[name] })
  return [
    ...each(item.min, (name, bound) => belowMin(item, name, bound, seen(name))),
    ...each(item.max, (name, bound) => aboveMax(item, name, bound, seen(name))),
    ...each(item.maxLimitRequestRatio, (name, bound) => aboveRatio(item, name, bound, seen(name))),
  ]
}

const each = (
  bounds: Readonly<Record<string, string>> | undefined,
  check: (name: string, bound: Quantity) => string | undefined,
): string[] => Object.entries(amountsFrom(bounds)).flatMap(([name, bound]) => check(name, bound) ?? [])

type Item = Pick<LimitRangeItem, 'type'>

function belowMin(
  { type }: Item,
  name: string,
  bound: Quantity,
  { limit, request }: Observed,
): string | undefined {
  const says = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`
  if (!request) return `${says}.  No request is specified`
  if (isMore(bound, request)) return `${says}, but request is ${formatQuantity(request)}`
  return limit && isMore(bound, limit) ? `${says}, but limit is ${formatQuantity(limit)}` : undefined
}

function aboveMax(
  { type }: Item,
  name: string,
  bound: Quantity,
  { limit, request }: Observed,
): string | undefined {
  const says = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`
  if (!limit) return `${says}.  No limit is specified`
  if (isMore(limit, bound)) return `${says}, but limit is ${formatQuantity(limit)}`
  return request && isMore(request, bound) ? `${says}, but request is ${formatQuantity(request)}` : undefined
}

function aboveRatio(
  { type }: Item,
  name: string,
  bound: Quantity,
  { limit, request }: Observed,
): string | undefined {
  const says = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`
  if (!request || request.nano === 0n) return `${says}, but no request is specified or request is 0`
  if (!limit || limit.nano === 0n) return `${says}, but no limit is specified or limit is 0`
  const ratio = Number(limit.nano) / Number(request.nano)
  return ratio > Number(bound.nano) / 1e9 ? `${says}, but provided ratio is ${ratio.toFixed(6)}` : undefined
}
