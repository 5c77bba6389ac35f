/** Reads what `test-reporter.mjs` has told of one file of tests. */
import { readFileSync } from 'node:fs'

export interface Failure {
  readonly name: string
  readonly why: string
}

export interface Report {
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
  /** For people: the tests and what they have said. */
  readonly lines: readonly string[]
  /** Tests and suites that have not ended. */
  readonly underWay: readonly string[]
  /** What a process without a test under way waits for, in the words of Node.js. */
  readonly keeps: readonly string[]
  /** Of its process and of those it has waited for; undefined when it did not come to its end. */
  readonly cpuMs: number | undefined
}

/** A line of the report. */
type Told =
  | { readonly begun: string; readonly id: number }
  | { readonly over: number }
  | { readonly suite: string; readonly nesting: number }
  | { readonly note: string; readonly nesting: number }
  | { readonly keeps: readonly string[] }
  | { readonly cpuMs: number }
  | Outcome

interface Outcome {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly path: readonly string[]
  readonly ms: number
  readonly why?: string
  /** A suite is no test, but for one that fails by itself. */
  readonly isSuite: boolean
}

const marks = { passed: '✔', failed: '✖', skipped: '﹣' }

export function readReport(file: string): Report {
  const underWay = new Map<number, string>()
  const lines: string[] = []
  const outcomes: Outcome[] = []
  let keeps: readonly string[] = []
  let cpuMs: number | undefined
  for (const told of readLines(file)) {
    if ('begun' in told) underWay.set(told.id, told.begun)
    else if ('over' in told) underWay.delete(told.over)
    else if ('suite' in told) lines.push(`${indent(told.nesting)}▶ ${told.suite}`)
    else if ('note' in told) lines.push(`${indent(told.nesting)}ℹ ${told.note}`)
    else if ('keeps' in told) keeps = told.keeps
    else if ('cpuMs' in told) cpuMs = told.cpuMs
    else if (!told.isSuite) {
      outcomes.push(told)
      lines.push(lineOf(told))
    }
  }
  const count = (wanted: string) => outcomes.filter(({ outcome }) => outcome === wanted).length
  const failures = outcomes.filter(({ outcome }) => outcome === 'failed')
  return {
    passed: count('passed'),
    skipped: count('skipped'),
    failures: failures.map(({ path, why = '' }) => ({ name: path.join(' › '), why })),
    lines,
    underWay: [...underWay.values()],
    keeps,
    cpuMs,
  }
}

/** The last one may still be being written. */
function readLines(file: string): readonly Told[] {
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return whole.map((line) => JSON.parse(line) as Told)
}

const indent = (nesting: number): string => '  '.repeat(nesting)

function lineOf({ ms, outcome, path, why }: Outcome): string {
  const name = `${indent(path.length - 1)}${marks[outcome]} ${path.at(-1)} (${ms} ms)`
  return outcome === 'skipped' && why ? `${name} # ${why}` : name
}
