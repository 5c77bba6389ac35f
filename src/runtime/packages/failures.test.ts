import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { closestVersions, type Failure, packageErrorOf } from './failures.ts'

const context = { name: 'x', version: '1', registry: 'https://r.test/', root: '/cache' }

describe('packageErrorOf', () => {
  const cases: [string, Failure['step'], string, RegExp][] = [
    ['E404', 'resolving', 'not-found', /no package x in the registry https:\/\/r\.test\//],
    ['E404', 'installing', 'not-found', /something that x@1 depends on/],
    ['ETARGET', 'resolving', 'version-not-found', /no version that matches 1/],
    ['ETARGET', 'installing', 'version-not-found', /depends on a version/],
    ['E401', 'resolving', 'unauthorized', /\.npmrc/],
    ['E403', 'installing', 'unauthorized', /x@1 or a dependency of it/],
    ['ENOTFOUND', 'resolving', 'registry-unreachable', /check the network/],
    ['ETIMEDOUT', 'resolving', 'registry-unreachable', /ETIMEDOUT/],
    ['EIDLETIMEOUT', 'resolving', 'registry-unreachable', /EIDLETIMEOUT/],
    ['ERR_SOCKET_TIMEOUT', 'resolving', 'registry-unreachable', /ERR_SOCKET_TIMEOUT/],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'resolving', 'registry-unreachable', /cafile/],
    ['E502', 'resolving', 'registry-failed', /HTTP 502/],
    ['E429', 'resolving', 'registry-failed', /HTTP 429/],
    ['ENOSPC', 'installing', 'disk-full', /no space left .*\/cache; free some/],
    ['EDQUOT', 'installing', 'disk-full', /no space left/],
    ['EINTEGRITY', 'installing', 'integrity', /damaged/],
    ['TAR_BAD_ARCHIVE', 'installing', 'integrity', /damaged/],
    ['EBADPLATFORM', 'installing', 'platform', /kind of machine/],
    ['', 'installing', 'install-failed', /could not be installed: why/],
  ]
  for (const [code, step, expected, message] of cases) {
    it(`words ${code || 'an error without code'} while ${step}`, () => {
      const error = packageErrorOf({ code, message: 'why https://me:pw@r.test/ says no', step }, context)
      assert.equal(error.code, expected)
      assert.match(error.message, message)
      assert.ok(!`${error.message}${String(error.cause)}`.includes('pw'))
    })
  }
})

describe('closestVersions', () => {
  const versions = ['1.0.0', '1.2.0', '2.0.0', '2.1.0', '3.0.0', '3.1.0-beta.1', 'junk']
  it('prefers the same major and minor', () => {
    assert.deepEqual(closestVersions(versions, '2.0.5'), ['2.0.0', '2.1.0', '3.0.0', '1.2.0', '1.0.0'])
  })
  it('takes the newest for a tag', () => {
    assert.equal(closestVersions(versions, 'nightly')[0], '3.0.0')
  })
})
