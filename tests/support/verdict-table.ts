/** Tables of docs/security.md, which tests write and check. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Verdicts } from './all-attacks.ts'
import { root } from './cluster.ts'

const page = join(root, 'docs', 'security.md')

/** The one whose first heading is `title`. Throws when it says anything but what was found; `UPDATE=1` writes it anew instead. */
export function checkTable(title: string, columns: ReadonlyMap<string, Verdicts>): void {
  const [first = {}] = columns.values()
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const table = [
    line([title, ...columns.keys()]),
    line(['---', ...Array.from(columns, () => '---')]),
    ...Object.keys(first).map((name) => line([name, ...columns.values().map((found) => found[name] ?? '?')])),
  ].join('')
  const text = readFileSync(page, 'utf8')
  const begin = text.indexOf(`\n| ${title} |`) + 1
  const end = text.indexOf('\n\n', begin) + 1
  assert.ok(begin > 0 && end > 0, `docs/security.md has no table "${title}"`)
  const updated = text.slice(0, begin) + table + text.slice(end)
  if (process.env['UPDATE'] === '1') writeFileSync(page, updated)
  else assert.equal(text, updated, 'docs/security.md says something else; UPDATE=1 writes it anew')
}
