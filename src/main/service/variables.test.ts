import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { variablesKept } from './variables.ts'

/** Said by one part of Sampan to another. */
const ownBusiness = ['SAMPAN_SUPERVISOR']

test('a service keeps every setting that Sampan reads from its environment', () => {
  const folder = join(import.meta.dirname, '..')
  const read = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /(?<!\.test)\.ts$/.test(name) && !name.endsWith('variables.ts'))
    .flatMap((name) => [
      ...readFileSync(join(folder, name), 'utf8').matchAll(/'((?:SAMPAN|AWS)_[A-Z0-9_]+)'/g),
    ])
    .map(([, variable = '']) => variable)
    .filter((variable) => !ownBusiness.includes(variable))
  assert.ok(read.length > 10)
  assert.deepEqual(
    [...new Set(read)].filter((variable) => !variablesKept.includes(variable)),
    [],
  )
  assert.equal(new Set(variablesKept).size, variablesKept.length)
})
