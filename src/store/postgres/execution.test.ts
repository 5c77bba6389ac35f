import assert from 'node:assert/strict'
import { it } from 'node:test'

import { encodeExecution } from './execution.ts'

const rest = 'E\0\0\0\x09\0\0\0\0\0' + 'S\0\0\0\x04'
const rows = [
  { name: 'no values', values: [], message: `B\0\0\0\x11\0run\0\0\0\0\0\0\x01\0\0` },
  {
    name: 'text, bytes, and nothing',
    values: ['-12', Buffer.from([0, 0xff]), null, '', Buffer.alloc(0)],
    message:
      'B\0\0\0\x34\0run\0' +
      '\0\x05\0\0\0\x01\0\0\0\0\0\x01' +
      '\0\x05\0\0\0\x03-12\0\0\0\x02\0\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0' +
      '\0\x01\0\0',
  },
  {
    name: 'what is longer in UTF-8',
    values: ['ü'],
    message: 'B\0\0\0\x19\0run\0\0\x01\0\0\0\x01\0\0\0\x02\xc3\xbc\0\x01\0\0',
  },
]

for (const { name, values, message } of rows) {
  it(`an execution with ${name} is as the protocol has it`, () => {
    assert.deepEqual(encodeExecution('run', values).toString('latin1'), message + rest)
  })
}
