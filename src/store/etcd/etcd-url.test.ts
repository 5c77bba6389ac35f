import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { isStoreError } from '../store.ts'
import { defaultMaxRequestBytes, parseEtcdUrl } from './etcd-url.ts'

const plain = { tls: undefined, user: undefined, maxRequestBytes: defaultMaxRequestBytes, compacts: true }
const local = [{ host: '127.0.0.1', port: 2379 }]

const rows = [
  ['//127.0.0.1', { ...plain, endpoints: local, prefix: '/sampan/' }],
  ['//127.0.0.1:2379/', { ...plain, endpoints: local, prefix: '/sampan/' }],
  ['//127.0.0.1/a/b', { ...plain, endpoints: local, prefix: '/a/b/' }],
  ['//127.0.0.1/a//', { ...plain, endpoints: local, prefix: '/a/' }],
  ['//127.0.0.1?compact=never', { ...plain, endpoints: local, prefix: '/sampan/', compacts: false }],
  [
    '//127.0.0.1/?max-request-bytes=4194304',
    { ...plain, endpoints: local, prefix: '/sampan/', maxRequestBytes: 4_194_304 },
  ],
  [
    '//u:p%40%3A:x@127.0.0.1',
    { ...plain, endpoints: local, prefix: '/sampan/', user: { name: 'u', password: 'p@::x' } },
  ],
  [
    '//a:1,b,[::1]:3,[fe80::2]',
    {
      ...plain,
      endpoints: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2379 },
        { host: '::1', port: 3 },
        { host: 'fe80::2', port: 2379 },
      ],
      prefix: '/sampan/',
    },
  ],
] as const

for (const [rest, expected] of rows) {
  test(`etcd:${rest} is understood`, () =>
    assert.deepEqual(parseEtcdUrl({ rest, isSecure: false }), expected))
}

test('files of certificates and of the password are read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-etcd-url-'))
  try {
    for (const name of ['ca', 'cert', 'key', 'secret']) writeFileSync(join(folder, name), `${name}\n`)
    const at = (name: string) => join(folder, name)
    const rest = `//u@h?ca=${at('ca')}&cert=${at('cert')}&key=${at('key')}&password-file=${at('secret')}`
    const { tls, user } = parseEtcdUrl({ rest, isSecure: false })
    assert.deepEqual(tls, { ca: 'ca\n', cert: 'cert\n', key: 'key\n' })
    assert.deepEqual(user, { name: 'u', password: 'secret' })
    assert.throws(() => parseEtcdUrl({ rest: `//h?cert=${at('cert')}`, isSecure: true }), /give both/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('etcds: is TLS with what the system trusts', () => {
  const { tls } = parseEtcdUrl({ rest: '//h', isSecure: true })
  assert.deepEqual(tls, { ca: undefined, cert: undefined, key: undefined })
})

const wrong = [
  ['', /has not the form/],
  ['h:2379', /has not the form/],
  ['//', /has not the form/],
  ['//hunter2@', /has not the form/],
  ['//u:hunter2@a b', /no HOST:PORT/],
  ['//u:hunter2%@h', /%25/],
  ['//u@h', /without a password/],
  ['//h:port', /no HOST:PORT/],
  ['//h?cas=x', /"cas".*ca, cert/],
  ['//h?ca=/nowhere/ca.crt', /can't be read/],
  ['//h?compact=5m', /never/],
  ['//h?max-request-bytes=1M', /from 65536/],
  [`//h/${'p'.repeat(300)}`, /prefix/],
] as const

for (const [rest, message] of wrong) {
  test(`etcd:${rest.slice(0, 40)} is refused, without telling what may be secret`, () => {
    assert.throws(
      () => parseEtcdUrl({ rest, isSecure: false }),
      (error) =>
        isStoreError(error, 'invalid') && message.test(error.message) && !/hunter2/.test(error.message),
    )
  })
}
