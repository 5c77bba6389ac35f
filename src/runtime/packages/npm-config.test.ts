import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parseNpmrc, readNpmConfig } from './npm-config.ts'

describe('parseNpmrc', () => {
  const cases: [string, Record<string, string | string[]>][] = [
    ['registry=https://r.test/', { registry: 'https://r.test/' }],
    ['  registry = "https://r.test/"  ', { registry: 'https://r.test/' }],
    ['; no\n# no\n[section]\n\nx=1', { x: '1' }],
    ['@s:registry=https://s.test/', { '@s:registry': 'https://s.test/' }],
    ['//r.test/:_authToken=${TOKEN}', { '//r.test/:_authToken': 't0' }],
    ['x=${UNSET}', { x: '${UNSET}' }],
    ['ca[]=one\nca[]=two', { ca: ['one', 'two'] }],
    ['offline', { offline: 'true' }],
    ['a=b=c\r\nd=e', { a: 'b=c', d: 'e' }],
  ]
  for (const [content, expected] of cases) {
    it(`reads ${JSON.stringify(content)}`, () => {
      assert.deepEqual(parseNpmrc(content, { TOKEN: 't0' }), expected)
    })
  }
})

describe('readNpmConfig', () => {
  let home = ''
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'sampan-npmrc-'))
    await mkdir(join(home, 'etc'))
    await writeFile(
      join(home, 'etc', 'npmrc'),
      'registry=https://global.test/\nproxy=http://global-proxy.test\n',
    )
    await writeFile(
      join(home, '.npmrc'),
      `registry=https://user.test/\nstrict-ssl=false\n//user.test/:_authToken=t1\n@s:registry=https://s.test/\ncafile=${home}/ca.pem\nfetch-timeout=1000\nunknown=1\n`,
    )
    const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
    await writeFile(join(home, 'ca.pem'), `${certificate}\n${certificate}\n`)
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('takes the environment before the user before the machine', async () => {
    const env = { npm_config_https_proxy: 'http://env-proxy.test', NPM_CONFIG_MAXSOCKETS: '3', OTHER: 'x' }
    const config = await readNpmConfig({ env, home, nodePath: join(home, 'bin', 'node') })
    const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
    assert.deepEqual(config, {
      fetchRetries: 2,
      fetchRetryMintimeout: 500,
      fetchRetryMaxtimeout: 5000,
      registry: 'https://user.test/',
      proxy: 'http://global-proxy.test',
      httpsProxy: 'http://env-proxy.test',
      timeout: 1000,
      maxSockets: 3,
      strictSSL: false,
      ca: [certificate, certificate],
      '//user.test/:_authToken': 't1',
      '@s:registry': 'https://s.test/',
    })
  })
  it('does without any file', async () => {
    const config = await readNpmConfig({ env: {}, home: join(home, 'none'), nodePath: '/none/bin/node' })
    assert.equal(config['registry'], undefined)
  })
})
