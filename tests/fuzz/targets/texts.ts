/** What stands in a URL: the request line, selectors, continue tokens; and quantities. */
import assert from 'node:assert/strict'
import {
  formatFieldSelector,
  matchesFields,
  parseFieldSelector,
  type FieldSelector,
} from '../../../src/api/field-selector.ts'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityProblem,
  subtractQuantities,
} from '../../../src/api/quantity.ts'
import { parseSelector } from '../../../src/api/selector-parser.ts'
import { formatSelector, matchesLabels } from '../../../src/api/selector.ts'
import { decodeContinue, encodeContinue } from '../../../src/apiserver/continue-token.ts'
import { listOptionsOf } from '../../../src/apiserver/list-options.ts'
import { requestInfoOf } from '../../../src/apiserver/request-info.ts'
import { assertSame, orRefused, pure, textOf, type FuzzTarget } from '../target.ts'

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'other']

const requestLine: FuzzTarget = {
  name: 'request-line',
  format: 'text',
  bytesMax: 2_048,
  dictionary: [
    '/api/v1/',
    '/apis/',
    'namespaces/',
    'default/',
    'pods',
    '/status',
    '/proxy/',
    '?',
    '&',
    '=',
    '%2F',
    '%2e%2e',
    '%',
    '//',
    '..',
    'watch=',
    'limit=',
    'continue=',
    'resourceVersion=',
    'resourceVersionMatch=',
    'Exact',
    'NotOlderThan',
    'sendInitialEvents=',
    'timeoutSeconds=',
    'GET ',
    'POST ',
    '9223372036854775808',
  ],
  open: pure((input) => {
    const [method = '', ...rest] = textOf(input).split(' ')
    const info = orRefused(() => requestInfoOf(method, rest.join(' ')))
    if (!info) return 'refused'
    assert.ok(verbs.includes(info.verb), info.verb)
    for (const isWatch of [false, true]) {
      const options = orRefused(() => listOptionsOf(info.query, isWatch))
      if (options) assert.ok(options.limit >= 0 && options.timeoutSeconds >= 0)
    }
    if (!info.isResource) return 'plain'
    assert.equal(requestInfoOf(method, rest.join(' ')).name, info.name)
    return `${info.verb} ${info.namespace === ''} ${info.subresource === ''}`
  }),
}

const labelSelector: FuzzTarget = {
  name: 'label-selector',
  format: 'text',
  bytesMax: 1_024,
  dictionary: [
    'in',
    ' in ',
    'notin',
    '(',
    ')',
    ',',
    '=',
    '==',
    '!=',
    '!',
    '>',
    '<',
    'app',
    'example.com/',
    'a.b/c',
    '-',
    '_',
    '1',
  ],
  open: pure((input) => {
    const selector = orRefused(() => parseSelector(textOf(input)))
    if (!selector) return 'refused'
    const again = parseSelector(formatSelector(selector))
    assertSame(again, selector)
    const labels = Object.fromEntries(selector.requirements.map(({ key, values }) => [key, values[0] ?? '']))
    return (
      selector.requirements
        .slice(0, 2)
        .map(({ operator }) => operator)
        .join() +
      String(matchesLabels(selector, labels)) +
      String(matchesLabels(selector, undefined))
    )
  }),
}

const fieldSelector: FuzzTarget = {
  name: 'field-selector',
  format: 'text',
  bytesMax: 1_024,
  dictionary: [
    'metadata.name',
    'metadata.namespace',
    'status.phase',
    'spec.nodeName',
    '=',
    '==',
    '!=',
    ',',
    '\\',
    '\\,',
    '\\=',
    '\\\\',
  ],
  open: pure((input) => {
    const selector = orRefused(() => parseFieldSelector(textOf(input)))
    if (!selector) return 'refused'
    const again = parseFieldSelector(formatFieldSelector(selector))
    assertSame(inOrder(again), inOrder(selector))
    return (
      selector
        .slice(0, 3)
        .map(({ operator }) => operator)
        .join() + String(matchesFields(selector, (field) => field))
    )
  }),
}

/** Terms are sorted by what was written: `a==b` may come elsewhere once it reads `a=b`. */
const inOrder = (selector: FieldSelector): readonly string[] =>
  selector.map((term) => JSON.stringify(term)).toSorted()

/** Half of the inputs are what a token encodes, for hardly a changed token decodes. */
const continueToken: FuzzTarget = {
  name: 'continue-token',
  format: 'text',
  bytesMax: 1_024,
  dictionary: [
    '{"v":"sampan/1","rv":',
    '"after":"',
    '"}',
    'default/',
    '-1',
    '0',
    '=',
    '==',
    '-',
    '_',
    '9007199254740993',
    '\\ud800',
  ],
  open: pure((input) => {
    const text = textOf(input)
    const found = [text, Buffer.from(text).toString('base64url')].map((token) => {
      const continuation = orRefused(() => decodeContinue(token))
      if (continuation) assertSame(decodeContinue(encodeContinue(continuation)), continuation)
      return continuation ? `${continuation.revision === undefined}` : 'refused'
    })
    return found.join()
  }),
}

const quantity: FuzzTarget = {
  name: 'quantity',
  format: 'text',
  bytesMax: 256,
  dictionary: [
    'Ki',
    'Mi',
    'Ei',
    'k',
    'M',
    'E',
    'e',
    'e+',
    'E-',
    'n',
    'u',
    'm',
    '.',
    '+',
    '-',
    '0',
    '000',
    '9223372036854775807',
    '1024',
    '300',
  ],
  open: pure((input) => {
    const text = textOf(input)
    const parsed = orRefused(() => parseQuantity(text))
    assert.equal(parsed === undefined, quantityProblem(text) !== undefined)
    if (!parsed) return 'refused'
    const canonical = canonicalQuantity(text)
    const again = parseQuantity(canonical)
    assert.equal(compareQuantities(again, parsed), 0, `${text} is not ${canonical}`)
    assert.equal(formatQuantity(again), canonical)
    const sum = addQuantities(parsed, again)
    assert.equal(compareQuantities(subtractQuantities(sum, again), parsed), 0)
    return `${parsed.format} ${parsed.text === undefined} ${formatQuantity(sum).length}`
  }),
}

export const textTargets: readonly FuzzTarget[] = [
  requestLine,
  labelSelector,
  fieldSelector,
  continueToken,
  quantity,
]
