/** The commands that every testscript has. */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { goRegExp } from './go-regexp.ts'
import { expandVariables, type ScriptLine } from './line.ts'
import { pathIn, type ScriptCommand, type ScriptState } from './state.ts'

type Expected = ScriptLine['expected']

/** A program that hangs is a failure of the script. */
const programMs = 120_000

export const builtins: Readonly<Record<string, ScriptCommand>> = {
  cd(state, [folder = '']) {
    const path = pathIn(state, folder)
    if (!statSync(path).isDirectory()) throw new Error(`${folder} is no folder`)
    state.folder = path
  },
  chmod(state, [mode = '', ...paths]) {
    for (const path of paths) chmodSync(pathIn(state, path), Number.parseInt(mode, 8))
  },
  cmp: (state, args, expected) => compare(state, args, expected, (text) => text),
  cmpenv: (state, args, expected) =>
    compare(state, args, expected, (text) => expandVariables(text, (name) => state.env.get(name))),
  cp(state, args) {
    const [target, sources] = [args.at(-1) ?? '', args.slice(0, -1)]
    for (const source of sources) {
      const to = pathIn(state, target)
      const path = existsSync(to) && statSync(to).isDirectory() ? join(to, basename(source)) : to
      if (source === 'stdout' || source === 'stderr') writeFileSync(path, state[source])
      else copyFileSync(pathIn(state, source), path)
    }
  },
  env(state, args) {
    for (const arg of args) {
      const at = arg.indexOf('=')
      if (at >= 0) state.env.set(arg.slice(0, at), arg.slice(at + 1))
    }
  },
  async exec(state, args, expected) {
    if (args.at(-1)?.startsWith('&')) throw new Error('commands in the background are not supported')
    await execute(state, args, expected)
  },
  exists(state, args, expected) {
    const [paths, isReadOnly] = args[0] === '-readonly' ? [args.slice(1), true] : [args, false]
    for (const path of paths) {
      const isThere = existsSync(pathIn(state, path))
      check(isThere, expected, `${path} ${isThere ? 'exists' : 'does not exist'}`)
      if (isThere && isReadOnly && (statSync(pathIn(state, path)).mode & 0o222) !== 0)
        throw new Error(`${path} can be written`)
    }
  },
  grep: (state, args, expected) => match(args.slice(0, -1), textOf(state, args.at(-1) ?? ''), expected),
  mkdir(state, paths) {
    for (const path of paths) mkdirSync(pathIn(state, path), { recursive: true })
  },
  mv: (state, [from = '', to = '']) => renameSync(pathIn(state, from), pathIn(state, to)),
  rm(state, paths) {
    for (const path of paths) rmSync(pathIn(state, path), { recursive: true, force: true })
  },
  skip(state, args) {
    state.end = { how: 'skipped', why: args.join(' ') }
  },
  stderr: (state, args, expected) => match(args, state.stderr, expected),
  stdin(state, [source = '']) {
    state.stdin = textOf(state, source)
  },
  stdout: (state, args, expected) => match(args, state.stdout, expected),
  stop(state, args) {
    state.end = { how: 'stopped', why: args.join(' ') }
  },
  /** `symlink NEW -> OLD` */
  symlink: (state, [link = '', , target = '']) => symlinkSync(target, pathIn(state, link)),
  /** Takes the `>` off the beginning of every line. */
  unquote(state, paths) {
    for (const path of paths) {
      const text = readFileSync(pathIn(state, path), 'utf8')
      writeFileSync(pathIn(state, path), text.replace(/^>/gm, ''))
    }
  },
}

/** Throws when it is not as expected. */
export function check(isSo: boolean, expected: Expected, message: string): void {
  if (expected !== 'either' && isSo !== (expected === 'success')) throw new Error(message)
}

interface Surroundings {
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end in the script's folder and keeps what it writes. */
export async function execute(
  state: ScriptState,
  [program = '', ...args]: readonly string[],
  expected: Expected,
  { folder = state.folder, env = Object.fromEntries(state.env) }: Surroundings = {},
): Promise<void> {
  const child = spawn(program, args, { cwd: folder, env, signal: AbortSignal.timeout(programMs) })
  Object.assign(state, { stdout: '', stderr: '' })
  child.stdout.on('data', (chunk) => (state.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (state.stderr += String(chunk)))
  child.stdin.on('error', () => {}) // it may end before it has read everything
  child.stdin.end(state.stdin)
  state.stdin = ''
  const code = await new Promise<number | null>((done, reject) => {
    child.once('error', reject)
    child.once('close', done)
  })
  check(code === 0, expected, code === 0 ? 'succeeded, against what is expected' : `ended with ${code}`)
}

const textOf = (state: ScriptState, name: string): string =>
  name === 'stdout' || name === 'stderr' ? state[name] : readFileSync(pathIn(state, name), 'utf8')

function compare(
  state: ScriptState,
  [first = '', second = '']: readonly string[],
  expected: Expected,
  expand: (text: string) => string,
): void {
  const [one, other] = [textOf(state, first), expand(readFileSync(pathIn(state, second), 'utf8'))]
  const message =
    one === other ? `${first} and ${second} are the same` : `${first}:\n${one}\n${second}:\n${other}`
  check(one === other, expected, message)
}

function match(args: readonly string[], text: string, expected: Expected): void {
  const count = /^-count=(\d+)$/.exec(args[0] ?? '')?.[1]
  const pattern = goRegExp(args[count === undefined ? 0 : 1] ?? '')
  if (count === undefined) {
    const isFound = pattern.test(text)
    check(isFound, expected, isFound ? `found: ${pattern}` : `not found: ${pattern}`)
    return
  }
  const found = [...text.matchAll(new RegExp(pattern, `${pattern.flags}g`))].length
  check(found === Number(count), expected, `${found} matches for ${pattern}`)
}
