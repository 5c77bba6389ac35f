/**
 * Scripts as Go's testscript runs them: a txtar archive whose comment is the script and whose files lie in the folder that
 * it runs in. Upstream's command-line tests of kubectl are such scripts. What is not done is refused by name: commands in
 * the background, and terminals.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseTxtar } from './archive.ts'
import { builtins } from './builtins.ts'
import { expandVariables, parseLine } from './line.ts'
import type { ScriptCommand, ScriptState } from './state.ts'

export interface ScriptOptions {
  /** Empty, and the caller's to remove. */
  readonly work: string
  readonly env?: Readonly<Record<string, string>>
  /** Beside the built-in ones. */
  readonly commands?: Readonly<Record<string, ScriptCommand>>
  readonly holds?: (condition: string) => boolean
}

export interface ScriptResult {
  /** Lines that were run. */
  readonly lines: number
  /** Why the script skipped itself. */
  readonly skipped?: string
}

/** Rejects with the line, its number and what went wrong. */
export async function runScript(text: string, options: ScriptOptions): Promise<ScriptResult> {
  const { work, commands = {}, holds = holdsHere } = options
  const { comment, files } = parseTxtar(text)
  const env = new Map(Object.entries({ ...baseEnv(work), ...options.env }))
  const state: ScriptState = { work, env, folder: work, stdin: '', stdout: '', stderr: '' }
  const expand = (value: string) => expandVariables(value, (name) => env.get(name))
  mkdirSync(join(work, '.tmp'), { recursive: true })
  for (const file of files) {
    const path = resolve(work, expand(file.name))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, file.text)
  }
  let lines = 0
  for (const [index, source] of comment.split('\n').entries()) {
    if (state.end) break
    try {
      const line = parseLine(source, expand)
      if (!line || line.conditions.some(({ name, isNegated }) => holds(name) === isNegated)) continue
      lines++
      const [name = '', ...args] = line.words
      const command = commands[name] ?? builtins[name]
      if (!command) throw new Error(`no command is called ${name}`)
      await command(state, args, line.expected)
    } catch (error) {
      const seen = [state.stdout && `stdout:\n${state.stdout}`, state.stderr && `stderr:\n${state.stderr}`]
      const what = [error instanceof Error ? error.message : String(error), ...seen]
        .filter(Boolean)
        .join('\n')
      throw new Error(`line ${index + 1}: ${source.trim()}\n${what}`, { cause: error })
    }
  }
  return { lines, ...(state.end?.how === 'skipped' && { skipped: state.end.why }) }
}

const baseEnv = (work: string): Readonly<Record<string, string>> => ({
  WORK: work,
  PATH: process.env['PATH'] ?? '',
  HOME: '/no-home',
  TMPDIR: join(work, '.tmp'),
  devnull: '/dev/null',
  '/': '/',
  ':': ':',
  $: '$',
})

const holdsHere = (condition: string): boolean => ['linux', 'unix', process.arch].includes(condition)
