/** What `npm run ok` checks before the tests, so that `npm test` alone says whether a checkout is sound. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')

const checks = [
  { name: 'types are sound', command: 'tsc', args: ['-p', root] },
  { name: 'lint is clean, functions fit on a screen', command: 'oxlint', args: ['--type-aware', '--quiet'] },
  { name: 'the format is that of oxfmt', command: 'oxfmt', args: ['--check', '.'] },
]

for (const { name, command, args } of checks) {
  test(name, () => {
    const { status, stdout, stderr } = spawnSync(join(root, 'node_modules', '.bin', command), args, {
      cwd: root,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${stdout}${stderr}`)
  })
}
