import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fieldError, fieldErrorBody, fieldErrorText } from './field-errors.ts'
import { quote } from './quote.ts'
import * as status from './status.ts'

const pods = { group: '', resource: 'pods' }
const deployments = { group: 'apps', resource: 'deployments' }
const deployment = { group: 'apps', kind: 'Deployment' }
const replicas = fieldError.invalid('spec.replicas', -1, 'must be greater than or equal to 0')
const name = fieldError.required('metadata.name', 'name or generateName is required')

const messages: readonly (readonly [status.StatusError, number, string, string])[] = [
  [status.notFound(pods, 'x'), 404, 'NotFound', 'pods "x" not found'],
  [status.notFound(deployments, 'x'), 404, 'NotFound', 'deployments.apps "x" not found'],
  [status.unknownResource(), 404, 'NotFound', 'the server could not find the requested resource'],
  [status.alreadyExists(pods, 'x'), 409, 'AlreadyExists', 'pods "x" already exists'],
  [
    status.generateNameExhausted(pods, 'x'),
    409,
    'AlreadyExists',
    'pods "x" already exists, the server was not able to generate a unique name for the object',
  ],
  [
    status.conflict(deployments, 'x'),
    409,
    'Conflict',
    'Operation cannot be fulfilled on deployments.apps "x": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    status.invalid(deployment, 'x', [replicas]),
    422,
    'Invalid',
    'Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    status.invalid(deployment, 'x', [replicas, name, replicas]),
    422,
    'Invalid',
    'Deployment.apps "x" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, metadata.name: Required value: name or generateName is required]',
  ],
  [status.badRequest('no'), 400, 'BadRequest', 'no'],
  [status.unauthorized(), 401, 'Unauthorized', 'Unauthorized'],
  [status.forbidden(deployments, 'x', 'why'), 403, 'Forbidden', 'deployments.apps "x" is forbidden: why'],
  [status.forbidden(pods, '', 'why'), 403, 'Forbidden', 'pods is forbidden: why'],
  [status.forbidden(undefined, '', 'why'), 403, 'Forbidden', 'forbidden: why'],
  [
    status.methodNotAllowed(),
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  ],
  [
    status.notAcceptable(['a', 'b']),
    406,
    'NotAcceptable',
    'only the following media types are accepted: a, b',
  ],
  [
    status.unsupportedMediaType(['a', 'b']),
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: a, b',
  ],
  [status.expired(), 410, 'Expired', 'The resourceVersion for the provided watch is too old.'],
  [status.gone('x'), 410, 'Gone', 'x'],
  [
    status.tooLargeResourceVersion({ asked: 9, current: 5 }),
    504,
    'Timeout',
    'Timeout: Too large resource version: 9, current: 5',
  ],
  [
    status.requestEntityTooLarge(3_145_728),
    413,
    'RequestEntityTooLarge',
    'Request entity too large: limit is 3145728',
  ],
  [status.tooManyRequests('slow down', 3), 429, 'TooManyRequests', 'slow down'],
  [status.serviceUnavailable('later'), 503, 'ServiceUnavailable', 'later'],
  [status.timeout('too slow'), 504, 'Timeout', 'Timeout: too slow'],
  [
    status.serverTimeout(pods, 'list', 2),
    500,
    'ServerTimeout',
    'The list operation against pods could not be completed at this time, please try again.',
  ],
  [status.internal(new Error('boom')), 500, 'InternalError', 'Internal error occurred: boom'],
]

describe('a status says what upstream says', () => {
  for (const [error, code, reason, message] of messages) {
    test(message, () => {
      const { status } = error
      assert.deepEqual(
        [status.code, status.reason, status.message, error.message],
        [code, reason, message, message],
      )
      assert.deepEqual([status.kind, status.apiVersion, status.status], ['Status', 'v1', 'Failure'])
    })
  }

  test('details name the object and leave out what is empty', () => {
    assert.deepEqual(status.notFound(pods, 'x').status.details, { name: 'x', kind: 'pods' })
    assert.deepEqual(status.invalid(deployment, 'x', [replicas]).status.details, {
      name: 'x',
      group: 'apps',
      kind: 'Deployment',
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: -1: must be greater than or equal to 0',
          field: 'spec.replicas',
        },
      ],
    })
    assert.deepEqual(status.tooLargeResourceVersion({ asked: 9, current: 5 }).status.details, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    })
    assert.equal(status.badRequest('x').status.details, undefined)
    assert.deepEqual(status.successStatus({ uid: 'u', name: 'x' }), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { uid: 'u', name: 'x' },
      code: 200,
    })
  })

  test('predicates', () => {
    assert.ok(status.isNotFound(status.notFound(pods, 'x')))
    assert.ok(!status.isNotFound(new Error('pods "x" not found')))
    assert.ok(status.isExpired(status.gone('x')) && status.isExpired(status.expired()))
    assert.ok(status.isTooLargeResourceVersion(status.tooLargeResourceVersion({ asked: 1, current: 0 })))
    assert.ok(!status.isTooLargeResourceVersion(status.timeout('x')))
    assert.ok(status.isStatus(JSON.parse(JSON.stringify(status.badRequest('x').status))))
    assert.ok(!status.isStatus({ kind: 'Pod', status: {} }) && !status.isStatus(null))
  })

  test('the cause of an internal error is kept', () => {
    const cause = new Error('boom')
    assert.equal(status.internal(cause).cause, cause)
  })
})

describe('a field error shows the value as Go does', () => {
  const rows: readonly (readonly [ReturnType<typeof fieldError.invalid>, string])[] = [
    [fieldError.invalid('a', 'x"y', 'no'), 'a: Invalid value: "x\\"y": no'],
    [fieldError.invalid('a', { b: [1, '<'] }, 'no'), 'a: Invalid value: {"b":[1,"\\u003c"]}: no'],
    [fieldError.invalid('a', null, 'no'), 'a: Invalid value: null: no'],
    [fieldError.invalid('a', true, 'no'), 'a: Invalid value: true: no'],
    [fieldError.typeInvalid('a', 1, 'no'), 'a: Invalid value: 1: no'],
    [fieldError.required('a'), 'a: Required value'],
    [fieldError.duplicate('a', 'x'), 'a: Duplicate value: "x"'],
    [fieldError.notFound('a', 'x'), 'a: Not found: "x"'],
    [fieldError.notSupported('a', 'x', ['p', 'q']), 'a: Unsupported value: "x": supported values: "p", "q"'],
    [fieldError.forbidden('a', 'no'), 'a: Forbidden: no'],
    [fieldError.tooLong('a', 1), 'a: Too long: may not be more than 1 byte'],
    [fieldError.tooLong('a', 63), 'a: Too long: may not be more than 63 bytes'],
    [fieldError.tooMany('a', 3, 1), 'a: Too many: 3: must have at most 1 item'],
    [fieldError.tooFew('a', 0, 2), 'a: Too few: 0: must have at least 2 items'],
    [fieldError.tooShort('a', 2), 'a: Too short: must be at least 2 characters'],
    [fieldError.internal('a', 'bug'), 'a: Internal error: bug'],
  ]
  for (const [error, text] of rows) test(text, () => assert.equal(fieldErrorText(error), text))
  test('without its field', () => assert.equal(fieldErrorBody(rows[5]?.[0] ?? name), 'Required value'))
})

test('quote writes text as Go does', () => {
  assert.equal(quote('a"b\\c\n\t\u0000\u007f'), '"a\\"b\\\\c\\n\\t\\x00\\x7f"')
  assert.equal(quote('grüße 🚢\u00a0\u200b\ud800'), '"grüße 🚢\\u00a0\\u200b\ufffd"')
})
