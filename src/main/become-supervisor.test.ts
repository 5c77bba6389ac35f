import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shownArguments } from './become-supervisor.ts'

const rows = [
  {
    given: ['join', 'https://h:1', '--token', 'abc.def@sha256:0', '--name', 'n'],
    shown: ['join', 'https://h:1', '--token', '…', '--name', 'n'],
  },
  { given: ['join', 'https://h:1', '--token=abc.def'], shown: ['join', 'https://h:1', '--token=…'] },
  {
    given: ['up', '--store', 'postgres://me:pass@host/db'],
    shown: ['up', '--store', 'postgres://me:…@host/db'],
  },
  { given: ['up', '--store=postgres://me:pass@host/db'], shown: ['up', '--store=postgres://me:…@host/db'] },
  { given: ['--store=postgres://me:p@ss:w@host/db'], shown: ['--store=postgres://me:…@host/db'] },
  {
    given: ['--store=postgres://host/db?user=me&password=pass&sslpassword=word&x=1'],
    shown: ['--store=postgres://host/db?user=me&password=…&sslpassword=…&x=1'],
  },
  { given: ['up', '--listen', '127.0.0.1:1'], shown: ['up', '--listen', '127.0.0.1:1'] },
]
for (const { given, shown } of rows)
  test(`the list of processes shows ${shown.join(' ')}`, () => assert.deepEqual(shownArguments(given), shown))
