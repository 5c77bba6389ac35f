/** Tables of docs/security.md, which tests write and check: one for each level of the sandbox, with a column for each kind of agent. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sandboxLevels, type SandboxLevel } from '../../src/api/sandbox-level.ts'
import { root } from './cluster.ts'

export type Verdict = 'held' | 'broken'
export type Verdicts = Readonly<Record<string, Verdict>>
export type VerdictsByLevel = Readonly<Record<SandboxLevel, Verdicts>>

/** Whose agent it is, and the version of the control groups. */
export type Agent = (typeof agents)[number]
const agents = [
  'root, version 1',
  'root, version 2',
  'delegated, version 2',
  'not delegated, version 1',
  'not delegated, version 2',
] as const

const page = join(root, 'docs', 'security.md')

/** Throws when the tables say anything of this agent but what was found; `UPDATE=1` writes it anew instead. */
export function checkTables(agent: Agent, found: VerdictsByLevel): void {
  const text = readFileSync(page, 'utf8')
  const updated = sandboxLevels.reduce((all, level) => withColumn(all, level, [agent, found[level]]), text)
  if (process.env['UPDATE'] === '1') writeFileSync(page, updated)
  else assert.equal(text, updated, 'docs/security.md says something else; UPDATE=1 writes it anew')
}

function withColumn(text: string, level: SandboxLevel, [agent, found]: readonly [Agent, Verdicts]): string {
  const title = `at level ${level} …`
  const begin = text.indexOf(`\n| ${title} |`) + 1
  const end = text.indexOf('\n\n', begin) + 1
  assert.ok(begin > 0 && end > 0, `docs/security.md has no table "${title}"`)
  const [[, ...columns] = [], , ...rows] = text.slice(begin, end).trimEnd().split('\n').map(cellsOf)
  const said = new Map(rows.map(([name = '', ...cells]) => [name, cells]))
  const cell = (name: string, column: Agent) =>
    column === agent ? found[name] : said.get(name)?.[columns.indexOf(column)]
  const table = [
    [title, ...agents],
    ['---', ...agents.map(() => '---')],
    ...Object.keys(found).map((name) => [name, ...agents.map((column) => cell(name, column) ?? '?')]),
  ]
  return text.slice(0, begin) + table.map((cells) => `| ${cells.join(' | ')} |\n`).join('') + text.slice(end)
}

const cellsOf = (line: string): string[] => line.slice(2, -2).split(' | ')
