import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Toleration } from '../api/schema/types.gen.ts'
import { pod } from './fixture.ts'
import { tolerates } from './tolerations.ts'

const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' }

const rows: readonly { readonly name: string; readonly list: Toleration[]; readonly is: boolean }[] = [
  { name: 'none', list: [], is: false },
  { name: 'equal', list: [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }], is: true },
  { name: 'Equal is the default', list: [{ key: 'gpu', value: 'yes' }], is: true },
  { name: 'another value', list: [{ key: 'gpu', value: 'no' }], is: false },
  { name: 'no value', list: [{ key: 'gpu' }], is: false },
  { name: 'another key', list: [{ key: 'ssd', operator: 'Exists' }], is: false },
  { name: 'any value', list: [{ key: 'gpu', operator: 'Exists' }], is: true },
  { name: 'another effect', list: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }], is: false },
  { name: 'anything at all', list: [{ operator: 'Exists' }], is: true },
  { name: 'any key, as some clients write it', list: [{ key: '', operator: 'Exists' }], is: true },
  { name: 'an empty key with Equal covers nothing', list: [{ key: '', value: 'yes' }], is: false },
  {
    name: 'an operator that we do not know covers nothing',
    list: [{ key: 'gpu', operator: 'Gt', value: 'yes' }],
    is: false,
  },
  { name: 'one of several', list: [{ key: 'ssd' }, { key: 'gpu', value: 'yes' }], is: true },
]
for (const { name, list, is } of rows)
  test(name, () => assert.equal(tolerates(pod('p', { spec: { tolerations: list } }), taint), is))
