/**
 * `npm test`: every test, with the real services they need; `--unit` only those beside the code; a file name only that
 * file. The last line is `N passed, N failed`.
 */
import { chmodSync, mkdtempSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder } from './leftovers.ts'
import { installParts } from './parts.ts'
import { runFile, type Bounds, type FileResult } from './test-file.ts'
import { findFiles, stagesOf } from './test-plan.ts'

const root = join(import.meta.dirname, '..')
/** Short: paths of sockets lie below it, and have 107 characters at most. */
const temporary = join(tmpdir(), 'st-')
const bounds: Bounds = {
  /** The longest test that names no bound of its own takes a minute on two quiet cores. */
  testMs: 600_000,
  /** To load a file and to stop all that its tests have started takes seconds. */
  idleMs: 180_000,
  /** More than any test may take that names a bound of its own. */
  silentMs: 1_800_000,
}
/** How many of the dearest files are named in the end. */
const dearestCount = 25

interface Run {
  readonly files: readonly string[]
  readonly bounds: Bounds
  readonly signal: AbortSignal
  /** As each file ends. */
  readonly print: (result: FileResult) => void
}

async function main(args: readonly string[]): Promise<number> {
  const isUnit = args.includes('--unit')
  const named = args.filter((arg) => !arg.startsWith('--'))
  if (!isUnit && named.length === 0) await installParts()
  const files = findFiles(root, { isUnit, named })
  if (files.length === 0) {
    console.error(`no test matches ${named.join(' ')}`)
    return 1
  }
  const stop = new AbortController()
  // A terminal's comes twice, for run.mjs passes it on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const results = await runAll({
    files,
    // By hand a file may run for as long as it is told to.
    bounds: named.length > 0 ? { ...bounds, silentMs: Infinity } : bounds,
    signal: stop.signal,
    print: isUnit ? printFailed : print,
  })
  if (!isUnit && named.length === 0) printDearest(results)
  const failures = results.flatMap((result) => result.failures)
  for (const { name, why } of failures) console.log(`\n✖ ${name}\n${why}`)
  const count = (of: 'passed' | 'skipped') => results.reduce((sum, result) => sum + result[of], 0)
  const skips = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
  console.log(`${count('passed')} passed, ${failures.length} failed${skips}`)
  return failures.length > 0 || stop.signal.aborted ? 1 : 0
}

async function runAll(run: Run): Promise<readonly FileResult[]> {
  const { files, print, signal } = run
  const folder = mkdtempSync(temporary)
  chmodSync(folder, 0o755) // tests act as several users
  const results: FileResult[] = []
  let begun = 0
  const follow = async (line: string[]) => {
    for (let file = line.shift(); file !== undefined && !signal.aborted; file = line.shift()) {
      const own = join(folder, String(begun++).padStart(3, '0')) // no path begins with another
      const result = await runFile({ file, root, folder: own, bounds: run.bounds, signal })
      results.push(result)
      print(result)
    }
  }
  try {
    for (const stage of stagesOf(files)) {
      const [computing, waiting] = [[...stage.computing], [...stage.waiting]]
      const cores = Array.from({ length: availableParallelism() }, () => follow(computing))
      await Promise.all([...cores, follow(waiting)])
    }
  } finally {
    const kept = removeFolder(folder)
    if (kept !== undefined) console.log(`${folder} is left: ${kept}`)
  }
  return results
}

function print({ cpuMs, elapsedMs, file, lines, output }: FileResult): void {
  console.log(`${file}: ${costs({ cpuMs, elapsedMs })}`)
  for (const line of lines) console.log(`  ${line}`)
  if (output.trim() !== '') console.log(output.trimEnd())
}

const printFailed = (result: FileResult): void => {
  if (result.failures.length > 0) print(result)
}

function printDearest(results: readonly FileResult[]): void {
  const sum = (of: 'cpuMs' | 'elapsedMs') => results.reduce((total, result) => total + (result[of] ?? 0), 0)
  console.log(
    `\n${results.length} files: ${costs({ cpuMs: sum('cpuMs'), elapsedMs: sum('elapsedMs') })}; the dearest:`,
  )
  for (const result of results.toSorted((a, b) => b.elapsedMs - a.elapsedMs).slice(0, dearestCount))
    console.log(`  ${result.file}: ${costs(result)}`)
}

const costs = ({ cpuMs, elapsedMs }: Pick<FileResult, 'cpuMs' | 'elapsedMs'>): string => {
  const processor = cpuMs === undefined ? 'killed' : `${(cpuMs / 1_000).toFixed(1)} s of processor time`
  return `${(elapsedMs / 1_000).toFixed(1)} s, ${processor}`
}

process.exitCode = await main(process.argv.slice(2))
