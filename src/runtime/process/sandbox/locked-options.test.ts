import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { lockedOptions } from './locked-options.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'sampan-locked-')))
after(() => rmSync(root, { recursive: true }))

test('options are those of the nearest mount, the topmost of several, wherever a link leads', () => {
  for (const name of ['a b/c', 'ab']) mkdirSync(join(root, name), { recursive: true })
  symlinkSync(join(root, 'a b'), join(root, 'link'))
  const mounts = [
    '20 1 8:1 / / rw,nodev shared:1 - ext4 /dev/sda rw',
    `21 20 0:1 / ${root}/a\\040b rw,noexec,relatime - tmpfs tmpfs rw`,
    `22 21 0:2 / ${root}/a\\040b ro,nosuid,nodev - tmpfs tmpfs rw`,
    '',
  ].join('\n')
  assert.deepEqual(lockedOptions(join(root, 'a b', 'c'), mounts), ['nosuid', 'nodev'])
  assert.deepEqual(lockedOptions(join(root, 'link'), mounts), ['nosuid', 'nodev'])
  assert.deepEqual(lockedOptions(join(root, 'ab'), mounts), ['nodev'])
})
