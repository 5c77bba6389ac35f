import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '../api/schema/types.gen.ts'
import { areCustomCommandsEnabled, checkCustomCommand } from './command-policy.ts'

const container = (more: Partial<Container> = {}): Container => ({ name: 'app', image: 'npm:app@1', ...more })
const exec = { command: ['sh'] }

const refused: readonly [string, Partial<Container>, Readonly<Record<string, string>>][] = [
  ['a command', { command: ['sh', '-c', 'true'] }, {}],
  ['a liveness probe', { livenessProbe: { exec } }, {}],
  ['a readiness probe', { readinessProbe: { exec } }, {}],
  ['a startup probe', { startupProbe: { exec } }, {}],
  ['a hook', { lifecycle: { preStop: { exec } } }, {}],
  ['NODE_OPTIONS', {}, { NODE_OPTIONS: '--import=data:text/javascript,0' }],
  ['LD_PRELOAD', {}, { LD_PRELOAD: '/tmp/x.so' }],
  ['PATH', {}, { PATH: '/tmp' }],
]
for (const [what, more, env] of refused)
  test(`refused: ${what}`, () =>
    assert.throws(() => checkCustomCommand(container(more), env), { name: 'ContainerConfigError' }))

test('arguments, other probes and other variables pass', () => {
  const httpGet = { path: '/', port: 3000 }
  checkCustomCommand(container({ args: ['--port', '1'], livenessProbe: { httpGet } }), {
    PORT: '1',
    NODE_ENV: 'test',
  })
})

test('commands are free, unless the node is particular about packages or says otherwise', () => {
  for (const [env, expected] of [
    [{}, true],
    [{ TRUSTED_PACKAGE_REGEXP: '^@ours/' }, false],
    [{ TRUSTED_PACKAGE_REGEXP: '^@ours/', ENABLE_CUSTOM_COMMAND: 'true' }, true],
    [{ ENABLE_CUSTOM_COMMAND: 'false' }, false],
    [{ ENABLE_CUSTOM_COMMAND: '' }, true],
  ] as const)
    assert.equal(areCustomCommandsEnabled(env), expected, JSON.stringify(env))
})
