import assert from 'node:assert/strict'
import { test } from 'node:test'
import { environmentText, unitText } from './unit.ts'

const settings = {
  command: 'join',
  argv: ['/usr/bin/node', '/opt/sampan/bin/sampan', 'join', 'https://a:1', '--name', `50%$x "q" \\`],
  environmentFile: '/var/lib/100%/service.env',
  isUserUnit: false,
}

test('the unit leaves apps alone, comes back, and hands over its control group', () => {
  const lines = unitText(settings).split('\n')
  for (const line of ['KillMode=process', 'Restart=always', 'Delegate=yes', 'WantedBy=multi-user.target'])
    assert.ok(lines.includes(line), line)
})

test('the unit of a user starts with what that user has', () => {
  const lines = unitText({ ...settings, isUserUnit: true }).split('\n')
  assert.ok(lines.includes('WantedBy=default.target'))
  assert.ok(!lines.some((line) => line.includes('network-online')))
})

test('what systemd would read otherwise is quoted', () => {
  const text = unitText(settings)
  assert.match(text, /^ExecStart=\/usr\/bin\/node \S+ join https:\/\/a:1 --name "50%%\$\$x \\"q\\" \\\\"$/m)
  assert.match(text, /^EnvironmentFile=-\/var\/lib\/100%%\/service\.env$/m)
  assert.equal(environmentText({ A: 'plain', B: '"$x`\\' }), 'A="plain"\nB="\\"\\$x\\`\\\\"\n')
})
