/** Which log segments have to go. Pure; `log-keeper.ts` looks and acts. */

export interface KeptSegment {
  readonly path: string
  readonly namespace: string
  /** Its UID. */
  readonly pod: string
  readonly container: string
  readonly attempt: number
  readonly segment: number
  readonly bytes: number
  readonly modifiedMs: number
  /** The end of the running attempt, or of the one before: `kubectl logs` shows these. They count and stay. */
  readonly isCurrent: boolean
}

export interface LogBudget {
  /** How long logs are kept that nothing is written to any more. */
  readonly retentionMs: number
  readonly podBytesMax: number
  readonly nodeBytesMax: number
  /** Attempts of one container. */
  readonly attemptsMax: number
}

/**
 * What is too old, then what is too much of one pod, then of the node. There the namespace that has the most gives first, and
 * in it the pod that has the most: who fills the budget pushes out nobody's logs but its own.
 */
export function planRemoval(
  segments: readonly KeptSegment[],
  budget: LogBudget,
  nowMs: number,
): readonly KeptSegment[] {
  const removed = new Set<KeptSegment>()
  const remaining = () => segments.filter((one) => !removed.has(one))
  const isMovable = ({ isCurrent }: KeptSegment) => !isCurrent
  for (const one of segments)
    if (isMovable(one) && nowMs - one.modifiedMs > budget.retentionMs) removed.add(one)
  for (const own of groups(remaining(), ({ pod, container }) => `${pod}/${container}`)) {
    const attempts = [...new Set(own.map(({ attempt }) => attempt))].toSorted((a, b) => b - a)
    const kept = new Set(attempts.slice(0, budget.attemptsMax))
    for (const one of own) if (isMovable(one) && !kept.has(one.attempt)) removed.add(one)
  }
  for (const own of groups(remaining(), ({ pod }) => pod))
    for (const one of excessOf(own, budget.podBytesMax)) removed.add(one)
  for (const one of fairExcess(remaining(), budget.nodeBytesMax)) removed.add(one)
  return [...removed]
}

/** The oldest of one pod, until the rest fits. */
function excessOf(own: readonly KeptSegment[], bytesMax: number): readonly KeptSegment[] {
  let over = sizeOf(own) - bytesMax
  return oldestFirst(own).filter((one) => {
    if (over <= 0) return false
    over -= one.bytes
    return true
  })
}

function fairExcess(segments: readonly KeptSegment[], bytesMax: number): readonly KeptSegment[] {
  const namespaces = groups(segments, ({ namespace }) => namespace).map((own) => ({
    bytes: sizeOf(own),
    pods: groups(own, ({ pod }) => pod).map((ofPod) => ({
      bytes: sizeOf(ofPod),
      queue: oldestFirst(ofPod).reverse(),
    })),
  }))
  const removed: KeptSegment[] = []
  for (let over = sizeOf(segments) - bytesMax; over > 0;) {
    const namespace = largest(namespaces.filter(({ pods }) => pods.some(({ queue }) => queue.length > 0)))
    const pod = largest(namespace?.pods.filter(({ queue }) => queue.length > 0) ?? [])
    const one = pod?.queue.pop()
    if (!namespace || !pod || !one) break // what is left is current
    removed.push(one)
    over -= one.bytes
    pod.bytes -= one.bytes
    namespace.bytes -= one.bytes
  }
  return removed
}

const oldestFirst = (own: readonly KeptSegment[]): KeptSegment[] =>
  own
    .filter(({ isCurrent }) => !isCurrent)
    .toSorted((a, b) => a.modifiedMs - b.modifiedMs || a.attempt - b.attempt || a.segment - b.segment)

const sizeOf = (segments: readonly KeptSegment[]): number =>
  segments.reduce((sum, { bytes }) => sum + bytes, 0)

const groups = (
  segments: readonly KeptSegment[],
  keyOf: (segment: KeptSegment) => string,
): readonly (readonly KeptSegment[])[] => [...Map.groupBy(segments, keyOf).values()]

const largest = <T extends { readonly bytes: number }>(all: readonly T[]): T | undefined =>
  all.reduce<T | undefined>((most, one) => (most && most.bytes >= one.bytes ? most : one), undefined)
