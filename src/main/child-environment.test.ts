import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childEnvironment } from './child-environment.ts'

test('the server alone has the credentials of backups', () => {
  const env = { PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'x', AWS_REGION: 'y' }
  const keys = (name: string) => Object.keys(childEnvironment(name, env)).toSorted()
  assert.deepEqual(keys('agent'), ['MALLOC_ARENA_MAX', 'PATH'])
  assert.deepEqual(keys('gateway'), ['MALLOC_ARENA_MAX', 'PATH'])
  assert.deepEqual(keys('server'), ['AWS_REGION', 'AWS_SECRET_ACCESS_KEY', 'MALLOC_ARENA_MAX', 'PATH'])
})
