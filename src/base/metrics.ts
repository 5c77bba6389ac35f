/**
 * Counters, histograms and gauges in the text format that Prometheus reads
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Ours rather than a library's because requests pay
 * for it: with a series at hand, counting is one addition, and finding a series one look into a Map.
 */

/** A counter's or histogram's series under one set of label values. Keep it where it is used often. */
export interface Counter {
  /** `by` must not be negative. */
  add(by?: number): void
}

export interface Histogram {
  observe(value: number): void
}

/** The series of one metric. Label values come in the order of the metric's label names. */
export interface Family<T> {
  with(...labelValues: readonly string[]): T
}

export interface Sample {
  /** In the order of the metric's label names. */
  readonly labels?: readonly string[]
  readonly value: number
}

export interface MetricSpec {
  readonly name: string
  readonly help: string
  /** Only what takes few values: each combination is a series for ever. */
  readonly labels?: readonly string[]
}

export interface Metrics {
  /** Defining a name twice is a mistake and throws. */
  counter(spec: MetricSpec): Family<Counter>
  /** `buckets` are upper bounds, ascending, without infinity. */
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }): Family<Histogram>
  /** `read` is called when somebody asks; it must be quick. What it yields should stay few. */
  observed(spec: MetricSpec & { readonly type: 'gauge' | 'counter' }, read: () => Iterable<Sample>): void
  /** Everything, as text. */
  render(): string
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** More combinations of one metric's labels are counted together as `other`: labels are bounded, but by their product only. */
export const seriesMax = 2_000

export function createMetrics(): Metrics {
  const written = new Map<string, () => string>()
  const define = (name: string, write: () => string) => {
    if (written.has(name)) throw new Error(`the metric ${name} is defined twice`)
    written.set(name, write)
  }
  return {
    counter(spec) {
      const family = new Series(spec, () => new Count())
      define(
        spec.name,
        () => head(spec, 'counter') + family.write((labels, { value }) => line(spec.name, labels, value)),
      )
      return family
    },
    histogram(spec) {
      const family = new Series(spec, () => new Buckets(spec.buckets))
      define(
        spec.name,
        () => head(spec, 'histogram') + family.write((labels, buckets) => buckets.write(spec.name, labels)),
      )
      return family
    },
    observed(spec, read) {
      define(spec.name, () => {
        let text = head(spec, spec.type)
        for (const { labels = [], value } of read()) text += line(spec.name, labelText(spec, labels), value)
        return text
      })
    },
    render: () => [...written.values()].map((write) => write()).join(''),
  }
}

class Series<T> implements Family<T> {
  readonly #spec: MetricSpec
  readonly #create: () => T
  /** By label values, joined by what no value holds. */
  readonly #series = new Map<string, { readonly labels: string; readonly value: T }>()

  constructor(spec: MetricSpec, create: () => T) {
    this.#spec = spec
    this.#create = create
  }

  with(...values: readonly string[]): T {
    const key = values.length === 1 ? (values[0] ?? '') : values.join('\0')
    const known = this.#series.get(key)
    if (known) return known.value
    const { labels: names = [] } = this.#spec
    if (this.#series.size >= seriesMax && values.some((value) => value !== other))
      return this.with(...names.map(() => other))
    const value = this.#create()
    this.#series.set(key, { labels: labelText(this.#spec, values), value })
    return value
  }

  write(one: (labels: string, value: T) => string): string {
    let text = ''
    for (const { labels, value } of this.#series.values()) text += one(labels, value)
    return text
  }
}

const other = 'other'

class Count implements Counter {
  value = 0
  add(by = 1): void {
    this.value += by
  }
}

class Buckets implements Histogram {
  readonly #bounds: readonly number[]
  /** How many fell into each bucket, and into none of them. */
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] ?? Infinity)) at++
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#sum += value
  }

  write(name: string, labels: string): string {
    const more = labels === '' ? '' : `${labels},`
    let text = ''
    let total = 0
    for (const [at, count] of this.#counts.entries()) {
      total += count
      text += line(
        `${name}_bucket`,
        `${more}le="${at < this.#bounds.length ? this.#bounds[at] : '+Inf'}"`,
        total,
      )
    }
    return text + line(`${name}_sum`, labels, this.#sum) + line(`${name}_count`, labels, total)
  }
}

const head = ({ help, name }: MetricSpec, type: string): string =>
  `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`

const line = (name: string, labels: string, value: number): string =>
  labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`

const numberText = (value: number): string =>
  value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)

const labelText = ({ labels: names = [], name }: MetricSpec, values: readonly string[]): string => {
  if (names.length !== values.length)
    throw new Error(`the metric ${name} has ${names.length} labels and was given ${values.length} values`)
  return names.map((label, at) => `${label}="${escaped(values[at] ?? '')}"`).join(',')
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
