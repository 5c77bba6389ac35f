import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonOf } from '../api/status.ts'
import { negotiate, type Yields } from './negotiate.ts'

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
// Accept, yields → shape/format/version
const rows: readonly (readonly [string | undefined, Yields, string])[] = [
  [undefined, 'one', 'object/json/'],
  ['*/*', 'one', 'object/json/'],
  ['application/json, */*', 'list', 'object/json/'],
  ['application/vnd.kubernetes.protobuf,application/json', 'list', 'object/json/'],
  ['application/vnd.kubernetes.protobuf, */*', 'watch', 'object/json/'],
  [`${table},application/json`, 'list', 'table/json/v1'],
  ['application/json;g=meta.k8s.io;v=v1beta1;as=Table', 'one', 'table/json/v1beta1'],
  ['application/json;as=Table;v=v9;g=meta.k8s.io,application/json', 'one', 'object/json/'],
  ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'list', 'metadata/json/v1'],
  ['application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1', 'watch', 'metadata/json/v1'],
  ['application/yaml', 'one', 'object/yaml/'],
  ['application/yaml, application/json', 'watch', 'object/json/'],
  ['application/yaml;q=0.1, application/json;q=0.9', 'one', 'object/json/'],
]
for (const [accept, yields, expected] of rows)
  test(`Accept ${accept ?? 'absent'} for ${yields}`, () => {
    const { shape, format, version } = negotiate(accept, yields)
    assert.equal(`${shape}/${format}/${version}`, expected)
  })

for (const accept of ['application/vnd.kubernetes.protobuf', 'text/html', 'application/json;q=0'])
  test(`Accept ${accept} is not acceptable`, () => {
    assert.throws(
      () => negotiate(accept, 'one'),
      (error) => reasonOf(error) === 'NotAcceptable',
    )
  })
