import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realRandom } from '../../base/ids.ts'
import { openByToken, sealByToken, TokenSealError } from './token-seal.ts'

const seal = { token: 'the token of the tests', associated: '/place' }

test('a text opens with its token, in its place, whole', async () => {
  const sealed = await sealByToken('secret', { ...seal, random: realRandom })
  assert.equal(await openByToken(sealed, seal), 'secret')
  await assert.rejects(openByToken(sealed, { ...seal, token: 'another' }), TokenSealError)
  await assert.rejects(openByToken(sealed, { ...seal, associated: '/elsewhere' }), TokenSealError)
  const fields = JSON.parse(Buffer.from(sealed).toString()) as { readonly tag: string }
  const tag = Buffer.from(fields.tag, 'base64').subarray(0, 4).toString('base64')
  const cut = Buffer.from(JSON.stringify({ ...fields, tag }))
  await assert.rejects(openByToken(cut, seal), TokenSealError)
})
