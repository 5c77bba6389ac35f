import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSandboxSettings } from './sandbox-settings.ts'

const missing = { usable: false }
const there = { usable: true }

const rows = [
  { said: undefined, support: there, policy: { usual: 'bubblewrap', least: 'bubblewrap' } },
  { said: '', support: missing, policy: { usual: 'none', least: 'none' } },
  { said: 'none', support: there, policy: { usual: 'none', least: 'none' } },
  { said: 'permission', support: missing, policy: { usual: 'permission', least: 'permission' } },
  { said: 'bubblewrap,permission', support: there, policy: { usual: 'bubblewrap', least: 'permission' } },
  { said: 'permission,none', support: there, policy: { usual: 'permission', least: 'none' } },
] as const
for (const { said, support, policy } of rows)
  test(`SAMPAN_SANDBOX=${said ?? '(unset)'} where bubblewrap is ${support.usable ? 'there' : 'missing'}`, () => {
    const env = said === undefined ? {} : { SAMPAN_SANDBOX: said }
    assert.deepEqual(readSandboxSettings(env, support).sandboxPolicy, policy)
  })

test('a level that there is not is refused by name', () => {
  for (const said of ['gvisor', 'bubblewrap,', 'none;permission'])
    assert.throws(
      () => readSandboxSettings({ SAMPAN_SANDBOX: said }, there),
      /write some of none, permission, bubblewrap/,
    )
})
