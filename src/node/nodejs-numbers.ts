/** The numbers that a Node.js process tells of itself, taken from what it says with care; and those of several as one. Pure. */

export interface ProcessNumbers {
  /** 0 to 1. */
  readonly utilization: number
  /** Seconds; undefined at the first look. */
  readonly delayMean: number | undefined
  readonly delayP50: number | undefined
  readonly delayP99: number | undefined
  readonly delayMax: number | undefined
  readonly heapTotal: number
  readonly heapUsed: number
  readonly heapLimit: number
  readonly external: number
  readonly spaceUsed: ReadonlyMap<string, number>
  readonly spaceTotal: ReadonlyMap<string, number>
  readonly gcRuns: ReadonlyMap<string, number>
  readonly gcSeconds: ReadonlyMap<string, number>
  readonly resources: ReadonlyMap<string, number>
  readonly requests: number
  readonly connections: number
  readonly outbound: number
}

type Fields = Readonly<Record<string, unknown>>

/** Names become labels: few, short and plain, whatever a process says. Node.js has some twelve spaces and thirty types. */
const namesMax = 40
const isName = (text: unknown): text is string => typeof text === 'string' && /^\w{1,40}$/.test(text)

export function toProcessNumbers(said: unknown): ProcessNumbers {
  const all = fieldsOf(said)
  const memory = fieldsOf(all['memory'])
  const delay = fieldsOf(all['delay'])
  const spaces = (Array.isArray(all['spaces']) ? all['spaces'] : []).map(fieldsOf)
  const ofSpaces = (field: string) =>
    namedNumbers(spaces.map((space) => [space['name'], space[field]] as const))
  const gc = Object.entries(fieldsOf(all['gc']))
  const ofGc = (field: string) =>
    namedNumbers(gc.map(([kind, total]) => [kind, fieldsOf(total)[field]] as const))
  const late = (field: string) => (field in delay ? numberOf(delay[field]) : undefined)
  return {
    utilization: Math.min(1, numberOf(all['utilization'])),
    delayMean: late('mean'),
    delayP50: late('p50'),
    delayP99: late('p99'),
    delayMax: late('max'),
    heapTotal: numberOf(memory['heapTotal']),
    heapUsed: numberOf(memory['heapUsed']),
    heapLimit: numberOf(all['heapLimitBytes']),
    external: numberOf(memory['external']),
    spaceUsed: ofSpaces('usedBytes'),
    spaceTotal: ofSpaces('sizeBytes'),
    gcRuns: ofGc('count'),
    gcSeconds: ofGc('seconds'),
    resources: namedNumbers(Object.entries(fieldsOf(all['resources']))),
    requests: numberOf(all['requests']),
    connections: numberOf(all['connections']),
    outbound: numberOf(all['outbound']),
  }
}

const fieldsOf = (value: unknown): Fields =>
  value !== null && typeof value === 'object' ? (value as Fields) : {}

const numberOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0

const namedNumbers = (entries: readonly (readonly [unknown, unknown])[]): ReadonlyMap<string, number> =>
  new Map(
    entries
      .flatMap(([name, value]) => (isName(name) ? [[name, numberOf(value)] as const] : []))
      .slice(0, namesMax),
  )

/** `all` has at least one. */
export function sumOf(all: readonly ProcessNumbers[]): ProcessNumbers {
  const sum = (read: (numbers: ProcessNumbers) => number) =>
    all.reduce((total, each) => total + read(each), 0)
  const worst = (read: (numbers: ProcessNumbers) => number | undefined) => {
    const known = all.map(read).filter((each) => each !== undefined)
    return known.length > 0 ? Math.max(...known) : undefined
  }
  const sums = (read: (numbers: ProcessNumbers) => ReadonlyMap<string, number>) => {
    const totals = new Map<string, number>()
    for (const [name, value] of all.flatMap((each) => [...read(each)]))
      totals.set(name, (totals.get(name) ?? 0) + value)
    return totals
  }
  return {
    utilization: worst((each) => each.utilization) ?? 0,
    delayMean: worst((each) => each.delayMean),
    delayP50: worst((each) => each.delayP50),
    delayP99: worst((each) => each.delayP99),
    delayMax: worst((each) => each.delayMax),
    heapTotal: sum((each) => each.heapTotal),
    heapUsed: sum((each) => each.heapUsed),
    heapLimit: sum((each) => each.heapLimit),
    external: sum((each) => each.external),
    spaceUsed: sums((each) => each.spaceUsed),
    spaceTotal: sums((each) => each.spaceTotal),
    gcRuns: sums((each) => each.gcRuns),
    gcSeconds: sums((each) => each.gcSeconds),
    resources: sums((each) => each.resources),
    requests: sum((each) => each.requests),
    connections: sum((each) => each.connections),
    outbound: sum((each) => each.outbound),
  }
}
