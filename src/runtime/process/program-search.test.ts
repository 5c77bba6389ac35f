import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isProgram } from './program-search.ts'

const root = mkdtempSync(join(tmpdir(), 'sampan-root-'))
after(() => rmSync(root, { recursive: true }))

mkdirSync(join(root, 'data/v1/bin'), { recursive: true })
mkdirSync(join(root, 'work'))
writeFileSync(join(root, 'data/v1/bin/tool'), '', { mode: 0o755 })
writeFileSync(join(root, 'data/v1/bin/text'), '', { mode: 0o644 })
// As they are meant inside: none of these leads anywhere on the machine.
symlinkSync('/data/v1', join(root, 'data/now'))
symlinkSync('/data/now/bin/../bin/tool', join(root, 'work/tool'))
symlinkSync('../../../../data/v1/bin/tool', join(root, 'work/above'))
symlinkSync('/work/circle', join(root, 'work/circle'))
symlinkSync('/bin/sh', join(root, 'work/outside'))

const rows: { program: string; path?: string; want: boolean }[] = [
  { program: '/data/v1/bin/tool', want: true },
  { program: '/data/v1/bin/text', want: false },
  { program: '/data/v1/bin', want: false },
  { program: '/data/now/bin/tool', want: true },
  { program: '/work/tool', want: true },
  { program: '/work/above', want: true },
  { program: '/work/circle', want: false },
  { program: '/work/outside', want: false },
  { program: './tool', want: true },
  { program: 'tool', path: '/none:/data/now/bin', want: true },
  { program: 'tool', path: '/none:', want: true },
  { program: 'tool', path: '/none', want: false },
  { program: 'sh', path: '/bin:/usr/bin', want: false },
]
for (const { program, path = '/none', want } of rows)
  test(`${program} with PATH=${path} is ${want ? '' : 'not '}there`, () =>
    assert.equal(isProgram(program, { env: { PATH: path }, cwd: '/work', root }), want))
