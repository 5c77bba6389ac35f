import assert from 'node:assert/strict'
import { test } from 'node:test'

import { StoreError } from '../store.ts'
import { describeHosts, parsePostgresUrl } from './postgres-url.ts'

const rows = [
  ['//u:p@db:5433/app', { user: 'u', password: 'p', database: 'app', hosts: [{ host: 'db', port: 5433 }] }],
  [
    '//db',
    { user: undefined, password: undefined, database: undefined, schema: 'sampan', sslMode: 'prefer' },
  ],
  [
    '//u@a,b:7,[::1]:8/d',
    {
      hosts: [
        { host: 'a', port: 5432 },
        { host: 'b', port: 7 },
        { host: '::1', port: 8 },
      ],
    },
  ],
  [
    '//a,b/d?port=6000',
    {
      hosts: [
        { host: 'a', port: 6000 },
        { host: 'b', port: 6000 },
      ],
    },
  ],
  ['///d?host=/run/postgresql', { hosts: [{ host: '/run/postgresql', port: 5432 }], database: 'd' }],
  ['//u@%2Frun%2Fpostgresql/d', { hosts: [{ host: '/run/postgresql', port: 5432 }] }],
  ['//u%40x:p%2Fw%3A@h/d', { user: 'u@x', password: 'p/w:' }],
  ['//h/d?user=u&password=p&dbname=e', { user: 'u', password: 'p', database: 'd' }],
  ['//u@h/d?password-file=/run/secret', { password: undefined, passwordFile: '/run/secret' }],
  ['//h/d?schema=other', { schema: 'other' }],
  ['//h/d?sslmode=require', { sslMode: 'require' }],
  ['//h/d?sslmode=require&sslrootcert=/ca.pem', { sslMode: 'verify-ca', sslRootCert: '/ca.pem' }],
  ['//h/d?sslrootcert=/ca.pem', { sslMode: 'verify-full' }],
  ['//h/d?target_session_attrs=read-write', { hosts: [{ host: 'h', port: 5432 }] }],
] as const

for (const [url, expected] of rows) {
  test(`postgres:${url} is understood`, () => {
    const target = parsePostgresUrl(url)
    assert.partialDeepStrictEqual(target, expected)
    assert(!describeHosts(target).includes('p%2F') && !describeHosts(target).includes('p/w'))
  })
}

for (const [url, why] of [
  ['', /can not be read/],
  ['h/d', /can not be read/],
  ['//u:se/cret@h/d', /host|can not be read/],
  ['//u:secret@h:0/d', /host/],
  ['//u:secret@h:x/d', /host/],
  ['//u:se%cret@h/d', /%/],
  ['//u:secret@h/d?sslmode=maybe', /sslmode/],
  ['//u:secret@h/d?timeout=3', /"timeout"/],
  ['//u:secret@h/d?schema=a.b', /schema/],
  ['//u:secret@h/d?target_session_attrs=standby', /target_session_attrs/],
] as const) {
  test(`postgres:${url} is refused without telling its password`, () => {
    assert.throws(
      () => parsePostgresUrl(url),
      (error) =>
        error instanceof StoreError &&
        error.code === 'invalid' &&
        why.test(error.message) &&
        !/secret|cret/.test(error.message),
    )
  })
}
