import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { realRandom } from '../base/ids.ts'
import { openSigningKey } from './signing-key.ts'
import { createTokenSigner } from './stages/service-account-tokens.ts'

test('the key is made once, for whoever comes first, and nobody else can read it', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-key-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const keys = await Promise.all(Array.from({ length: 4 }, () => openSigningKey(folder, realRandom)))
  assert.equal(new Set(keys).size, 1)
  assert.equal(await openSigningKey(folder, realRandom), keys[0])
  assert.deepEqual(await readdir(folder), ['service-accounts.key'])
  assert.equal((await stat(join(folder, 'service-accounts.key'))).mode & 0o777, 0o600)
  assert.equal(createTokenSigner(keys[0] ?? '').keys.length, 1)
})

test('a key of another kind is refused', () => {
  assert.throws(() => createTokenSigner('no key'))
})
