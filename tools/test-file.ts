/**
 * Runs one file of tests in a process of its own, with a folder for temporary files and a group of processes of its own. It ends by
 * itself, or else within bounds: then, with all that it has started, and as a failure that says what was still alive.
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endLeftovers, findLeftovers, removeFolder, type Leftover } from './leftovers.ts'
import { readReport, type Failure, type Report } from './test-report.ts'

export interface Bounds {
  /** Of a test that names none of its own. */
  readonly testMs: number
  /** How long the process may go on while no test of it is under way: what it has opened is closed by then. */
  readonly idleMs: number
  /** How long no test may begin or end: a loop without end keeps the bounds of tests from working. */
  readonly silentMs: number
}

export interface FileRun {
  readonly file: string
  /** Where its process runs. */
  readonly root: string
  /** To be made for it, and gone afterwards. No other's path begins with this one. Short: paths of sockets lie below it. */
  readonly folder: string
  readonly bounds: Bounds
  /** Ends it at once. */
  readonly signal: AbortSignal
}

export interface FileResult extends Report {
  readonly file: string
  /** What its process has printed besides. */
  readonly output: string
  readonly elapsedMs: number
}

const reporter = join(import.meta.dirname, 'test-reporter.mjs')
const pollMs = 200
/** From the request to end to the end: hooks stop what the tests have started. */
const graceMs = 10_000
/** What is repeated of the output of a file that failed by itself. */
const outputLinesMax = 60

export async function runFile(run: FileRun): Promise<FileResult> {
  const { file, folder } = run
  const beginMs = performance.now()
  const own = { report: `${folder}.report`, output: `${folder}.output` }
  mkdirSync(folder)
  chmodSync(folder, 0o1777) // as /tmp: tests act as several users
  writeFileSync(own.report, '')
  const { child, ended } = start(run, own)
  const group = child.pid ?? 0
  const why = await waitFor(ended, run, own.report)
  const left = findLeftovers(group, folder)
  const hung = why && `${file} ${why}${alive(left)}${underWay(readReport(own.report))}`
  if (why !== undefined) {
    child.kill('SIGTERM')
    await Promise.race([ended, sleep(graceMs, undefined, { ref: false })])
  }
  endLeftovers(group, folder)
  const { failures, lines, ...told } = readReport(own.report)
  const output = readFileSync(own.output, 'utf8')
  const more =
    hung === undefined ? failedByItself(file, failures, await ended, output) : [{ name: file, why: hung }]
  const notes = hung === undefined && left.length > 0 ? [`ℹ left behind, and ended:${listed(left)}`] : []
  const kept = removeFolder(folder)
  if (kept !== undefined) notes.push(`ℹ ${folder} is left: ${kept}`)
  for (const path of Object.values(own)) rmSync(path)
  return {
    file,
    ...told,
    lines: [...lines, ...notes],
    failures: [...failures, ...more],
    output,
    elapsedMs: performance.now() - beginMs,
  }
}

interface Ending {
  readonly code: number | null
  readonly by: NodeJS.Signals | null
}

function start(
  { bounds, file, folder, root }: FileRun,
  own: { readonly report: string; readonly output: string },
) {
  const args = [
    `--test-timeout=${bounds.testMs}`,
    `--test-reporter=${reporter}`,
    '--test-reporter-destination=stdout',
    file,
  ]
  const env = {
    ...process.env,
    TMPDIR: folder,
    SAMPAN_TEST_REPORT: own.report,
    SAMPAN_TEST_KEPT: process.env['SAMPAN_TEST_KEPT'] ?? tmpdir(),
    // What V8 made of the sources is kept, where bin/sampan keeps it: to load a server's code takes a fourth of the time.
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(root, 'node_modules', '.cache', 'sampan'),
    SAMPAN_NETWORK_WALL: 'none', // agents that tests start leave the machine's packet filter alone
  }
  // A file, no pipe: a process that outlives the tests would keep a pipe open.
  const output = openSync(own.output, 'a')
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', output, output],
    detached: true,
    env,
  })
  closeSync(output)
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, by) => resolve({ code, by }))
  })
  return { child, ended }
}

/** Until it has ended, or why it must. */
async function waitFor(
  ended: Promise<Ending>,
  { bounds, signal }: FileRun,
  report: string,
): Promise<string | undefined> {
  for (;;) {
    if (await Promise.race([ended, sleep(pollMs)])) return undefined
    if (signal.aborted) return 'was interrupted'
    const silentMs = Date.now() - statSync(report).mtimeMs
    if (silentMs > bounds.silentMs)
      return `did not end: none of its tests began or ended for ${inSeconds(bounds.silentMs)}`
    if (silentMs > bounds.idleMs && readReport(report).underWay.length === 0)
      return `did not end: for ${inSeconds(bounds.idleMs)} no test of it was under way`
  }
}

const inSeconds = (ms: number): string => `${ms / 1_000} s`

const listed = (left: readonly Leftover[]): string =>
  left.map(({ command, pid }) => `\n  ${pid} ${command}`).join('')

const alive = (left: readonly Leftover[]): string => (left.length > 0 ? `\nstill alive:${listed(left)}` : '')

const underWay = ({ keeps, underWay: names }: Report): string =>
  [
    names.length > 0 ? `\nunder way:${names.map((name) => `\n  ${name}`).join('')}` : '',
    keeps.length > 0 ? `\nits process is kept by: ${keeps.join(', ')}` : '',
  ].join('')

/** A process that fails without a test that does: it could not be loaded, or something went wrong between its tests. */
function failedByItself(
  file: string,
  failures: readonly Failure[],
  { by, code }: Ending,
  output: string,
): readonly Failure[] {
  if (code === 0 || (code === 1 && failures.length > 0)) return []
  const tail = output.split('\n').slice(-outputLinesMax).join('\n')
  return [{ name: file, why: `${file} ended with ${by ?? code}:\n${tail}` }]
}
