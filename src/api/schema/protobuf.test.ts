import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { ProtobufError } from './protobuf-reader.ts'
import { decodeProtobuf, protobufDepthMax, readProtobufEnvelope } from './protobuf.ts'
import { typeNamed, typeNames } from './schema.ts'

/** A message as a list of fields: a number is a varint, text and lists are length-delimited. */
type Value = number | bigint | string | Uint8Array | Message
type Message = readonly (readonly [field: number, value: Value])[]

const varint = (value: number | bigint): number[] => {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return [...bytes, Number(rest)]
}

const encode = (message: Message): Uint8Array =>
  Uint8Array.from(
    message.flatMap(([field, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint')
        return [...varint(field << 3), ...varint(value)]
      const bytes =
        typeof value === 'string'
          ? new TextEncoder().encode(value)
          : value instanceof Uint8Array
            ? value
            : encode(value)
      return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes]
    }),
  )

const magic = [0x6b, 0x38, 0x73, 0]

const wrap = (apiVersion: string, kind: string, raw: Uint8Array): Uint8Array => {
  const typeMeta: Message = [
    [1, apiVersion],
    [2, kind],
  ]
  return Uint8Array.from([
    ...magic,
    ...encode([
      [1, typeMeta],
      [2, raw],
      [3, ''],
      [4, ''],
    ]),
  ])
}

const decodeAs = (type: string, message: Message): unknown => {
  const envelope = readProtobufEnvelope(wrap('v', 'K', encode(message)))
  const { apiVersion, kind, ...rest } = decodeProtobuf(envelope, typeNamed(type))
  assert.deepEqual([apiVersion, kind], ['v', 'K'])
  return rest
}

test('the envelope says what it holds', () => {
  const bytes = wrap('apps/v1', 'Deployment', Uint8Array.of(1, 2))
  assert.deepEqual(readProtobufEnvelope(bytes), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    raw: Uint8Array.of(1, 2),
    contentType: '',
  })
  const json = Uint8Array.from([...magic, ...encode([[4, 'application/json']])])
  assert.equal(readProtobufEnvelope(json).contentType, 'application/json')
})

test('what is no envelope is refused by name', () => {
  assert.throws(
    () => readProtobufEnvelope(new TextEncoder().encode('{"kind":')),
    /does not begin with the bytes "k8s/,
  )
  const encoded = Uint8Array.from([...magic, ...encode([[3, 'gzip']])])
  assert.throws(() => readProtobufEnvelope(encoded), /contentEncoding is not supported/)
})

describe('values', () => {
  const rows: readonly [name: string, type: string, message: Message, expected: unknown][] = [
    [
      'strings and UTF-8',
      'core.v1.EnvVar',
      [
        [1, 'Grüße'],
        [2, 'x'.repeat(99)],
      ],
      { name: 'Grüße', value: 'x'.repeat(99) },
    ],
    ['int32 keeps its sign', 'core.v1.PodSpec', [[25, -5]], { priority: -5 }],
    ['int64 keeps its sign', 'core.v1.PodSpec', [[4, -5n]], { terminationGracePeriodSeconds: -5 }],
    [
      'int64 beyond 32 bits',
      'core.v1.PodSpec',
      [[5, 2n ** 52n + 1n]],
      { activeDeadlineSeconds: 2 ** 52 + 1 },
    ],
    ['bool', 'core.v1.PodSpec', [[11, 1]], { hostNetwork: true }],
    [
      'pointers keep their zero',
      'core.v1.PodSpec',
      [
        [21, 0],
        [4, 0],
      ],
      { automountServiceAccountToken: false, terminationGracePeriodSeconds: 0 },
    ],
    ['a quantity', 'core.v1.EmptyDirVolumeSource', [[2, [[1, '1Gi']]]], { sizeLimit: '1Gi' }],
    [
      'int-or-string, a number',
      'core.v1.HTTPGetAction',
      [
        [
          2,
          [
            [1, 0],
            [2, 80],
            [3, ''],
          ],
        ],
      ],
      { port: 80 },
    ],
    [
      'int-or-string, a string',
      'core.v1.HTTPGetAction',
      [
        [
          2,
          [
            [1, 1],
            [2, 0],
            [3, 'http'],
          ],
        ],
      ],
      { port: 'http' },
    ],
    [
      'a time',
      'meta.v1.ObjectMeta',
      [
        [
          8,
          [
            [1, 1_767_366_245],
            [2, 999_999_999],
          ],
        ],
      ],
      { creationTimestamp: '2026-01-02T15:04:05Z' },
    ],
    ['no time', 'meta.v1.ObjectMeta', [[8, []]], {}],
    [
      'a time with microseconds',
      'coordination.v1.LeaseSpec',
      [
        [
          4,
          [
            [1, 1_767_366_245],
            [2, 1999],
          ],
        ],
      ],
      { renewTime: '2026-01-02T15:04:05.000001Z' },
    ],
    [
      'bytes',
      'core.v1.Secret',
      [
        [
          2,
          [
            [1, 'k'],
            [2, Uint8Array.of(97, 255)],
          ],
        ],
      ],
      { data: { k: 'Yf8=' } },
    ],
    ['a map entry without a value', 'core.v1.ConfigMap', [[2, [[1, 'k']]]], { data: { k: '' } }],
    [
      'a map of quantities',
      'core.v1.ResourceRequirements',
      [
        [
          1,
          [
            [1, 'cpu'],
            [2, [[1, '2']]],
          ],
        ],
      ],
      { limits: { cpu: '2' } },
    ],
    [
      'numbers one by one',
      'core.v1.PodSecurityContext',
      [
        [4, 1],
        [4, 2],
      ],
      { supplementalGroups: [1, 2] },
    ],
    [
      'numbers packed',
      'core.v1.PodSecurityContext',
      [[4, Uint8Array.of(1, 0x80, 1)]],
      { supplementalGroups: [1, 128] },
    ],
    [
      'a list in a box',
      'authorization.v1.SubjectAccessReviewSpec',
      [
        [
          5,
          [
            [1, 'k'],
            [
              2,
              [
                [1, 'a'],
                [1, 'b'],
              ],
            ],
          ],
        ],
      ],
      { extra: { k: ['a', 'b'] } },
    ],
    [
      'an inlined message',
      'core.v1.Volume',
      [
        [1, 'v'],
        [2, [[2, []]]],
      ],
      { name: 'v', emptyDir: {} },
    ],
    ['embedded JSON', 'apps.v1.ControllerRevision', [[2, [[1, '{"a":[1]}']]]], { data: { a: [1] } }],
    [
      'owned fields',
      'meta.v1.ManagedFieldsEntry',
      [[7, [[1, '{"f:spec":{}}']]]],
      { fieldsV1: { 'f:spec': {} } },
    ],
    [
      'a message in two pieces',
      'core.v1.Pod',
      [
        [1, [[1, 'a']]],
        [1, [[3, 'b']]],
      ],
      { metadata: { name: 'a', namespace: 'b' } },
    ],
    [
      'the last of two scalars',
      'core.v1.EnvVar',
      [
        [1, 'a'],
        [1, 'b'],
      ],
      { name: 'b' },
    ],
    [
      'a key named __proto__',
      'core.v1.ConfigMap',
      [
        [
          2,
          [
            [1, '__proto__'],
            [2, 'x'],
          ],
        ],
      ],
      { data: JSON.parse('{"__proto__":"x"}') },
    ],
    [
      'unknown fields of every wire type are skipped',
      'core.v1.EnvVar',
      [
        [99, 7],
        [98, 'x'],
        [1, 'a'],
      ],
      { name: 'a' },
    ],
  ]
  for (const [name, type, message, expected] of rows)
    test(name, () => assert.equal(JSON.stringify(decodeAs(type, message)), JSON.stringify(expected)))
})

test('what Go cannot leave out says nothing: empty text, zeros, empty structs and no time', () => {
  const metadata: Message = [
    [1, 'a'],
    [2, ''],
    [3, ''],
    [5, ''],
    [6, ''],
    [7, 0],
    [8, []],
  ]
  const container: Message = [
    [1, 'c'],
    [2, ''],
    [5, ''],
    [8, []],
    [16, 0],
    [20, ''],
  ]
  const pod: Message = [
    [1, metadata],
    [
      2,
      [
        [2, container],
        [3, ''],
        [11, 0],
      ],
    ],
    [
      3,
      [
        [1, ''],
        [3, ''],
      ],
    ],
  ]
  assert.deepEqual(decodeAs('core.v1.Pod', pod), {
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c' }] },
  })
})

test('zero values that JSON has too are kept', () => {
  const status: Message = [
    [1, 'c'],
    [4, 0],
    [5, 0],
    [6, ''],
    [7, ''],
  ]
  assert.deepEqual(decodeAs('core.v1.PodStatus', [[8, status]]), {
    containerStatuses: [{ name: 'c', ready: false, restartCount: 0, image: '', imageID: '' }],
  })
})

describe('damage is told, not guessed at', () => {
  const rows: readonly [name: string, raw: readonly number[], message: RegExp][] = [
    ['a field cut short', [0x0a, 5, 97], /name claims more bytes than the 1 that are left/],
    ['a number cut short', [0x48, 0x80], /unexpected end/],
    ['a number without an end', [...Array<number>(11).fill(0x80)], /more than 64 bits/],
    ['field number 0', [0x02, 0], /no such field number/],
    ['the wrong wire type', [0x08, 1], /wrong wire type 0 for name, expected 2/],
    ['a group', [0x7b], /wrong wire type 3/],
    ['a length beyond 32 bits', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f], /claims more bytes/],
  ]
  for (const [name, raw, message] of rows)
    test(name, () => {
      const envelope = readProtobufEnvelope(wrap('v1', 'X', Uint8Array.from(raw)))
      assert.throws(() => decodeProtobuf(envelope, typeNamed('core.v1.EnvVar')), message)
    })
  test('embedded text that is not JSON', () => {
    assert.throws(() => decodeAs('apps.v1.ControllerRevision', [[2, [[1, 'k8s\0']]]]), /data is not JSON/)
  })
  test('a time outside the calendar', () => {
    assert.throws(
      () => decodeAs('meta.v1.ObjectMeta', [[8, [[1, 10n ** 15n]]]]),
      /outside the years 0 to 9999/,
    )
    assert.throws(() => decodeAs('meta.v1.ObjectMeta', [[8, [[2, -1]]]]), /nanos -1/)
  })
})

test('nesting is bounded by the types', () => {
  // The built-in types nest 20 deep or so; the bound is for tables to come. No type refers to itself today.
  const depthOf = (name: string, seen: readonly string[]): number => {
    assert.ok(!seen.includes(name), `${name} refers to itself: test the bound`)
    const inner = typeNamed(name).members.map(({ schema }) => {
      const leaf = schema.kind === 'list' ? schema.items : schema.kind === 'map' ? schema.values : schema
      return leaf.kind === 'object' ? depthOf(leaf.name, [...seen, name]) : 0
    })
    return 1 + Math.max(0, ...inner)
  }
  assert.ok(
    Math.max(...['core.v1.PodList', 'apps.v1.DeploymentList'].map((name) => depthOf(name, []))) <
      protobufDepthMax,
  )
})

test('any bytes are decoded or refused with a ProtobufError', () => {
  const types = typeNames().map(typeNamed)
  const seed = encode([
    [
      1,
      [
        [1, 'a'],
        [8, [[1, 5]]],
        [
          11,
          [
            [1, 'k'],
            [2, 'v'],
          ],
        ],
      ],
    ],
    [
      2,
      [
        [
          2,
          [
            [1, 'c'],
            [
              8,
              [
                [
                  1,
                  [
                    [1, 'cpu'],
                    [2, [[1, '1']]],
                  ],
                ],
              ],
            ],
          ],
        ],
        [
          1,
          [
            [1, 'v'],
            [2, [[2, []]]],
          ],
        ],
      ],
    ],
  ])
  const refuseOrDecode = (run: () => unknown): void => {
    try {
      JSON.stringify(run())
    } catch (error) {
      assert.ok(error instanceof ProtobufError, String(error))
    }
  }
  const noise = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(noise, fc.nat(), fc.nat(), (bytes, at, pick) => {
      const cut = at % (seed.length + 1)
      const damaged = Uint8Array.from([...seed.subarray(0, cut), ...bytes, ...seed.subarray(cut + 1)])
      const envelope = { apiVersion: 'v1', kind: 'X', contentType: '' }
      refuseOrDecode(() => decodeProtobuf({ ...envelope, raw: damaged }, typeNamed('core.v1.Pod')))
      refuseOrDecode(() =>
        decodeProtobuf({ ...envelope, raw: bytes }, types[pick % types.length] ?? typeNamed('core.v1.Pod')),
      )
      refuseOrDecode(() => readProtobufEnvelope(Uint8Array.from([...magic, ...bytes])))
    }),
    { numRuns: 20_000 },
  )
})

test('a long list costs no more than its length', () => {
  const item = encode([[7, [[1, 'a']]]])
  const raw = new Uint8Array(item.length * 200_000)
  for (let at = 0; at < raw.length; at += item.length) raw.set(item, at)
  const startMs = performance.now()
  decodeProtobuf({ apiVersion: 'v1', kind: 'X', contentType: '', raw }, typeNamed('core.v1.Container'))
  assert.ok(performance.now() - startMs < 5000, 'quadratic would take minutes')
})
