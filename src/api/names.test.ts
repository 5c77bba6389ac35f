import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkCidr, checkIp, isIpv6, parseIp } from './addresses.ts'
import * as names from './names.ts'

const long = (length: number) => 'a'.repeat(length)
const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const labelMessage =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const keyMessage =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

describe('what a name must look like', () => {
  const rows: readonly (readonly [
    (value: string) => names.Problems,
    string,
    readonly (string | RegExp)[],
  ])[] = [
    [names.checkDns1123Subdomain, 'a.b-c.1', []],
    [names.checkDns1123Subdomain, 'A', [subdomainMessage]],
    [names.checkDns1123Subdomain, '', [subdomainMessage]],
    [names.checkDns1123Subdomain, long(253), []],
    [names.checkDns1123Subdomain, long(254), ['must be no more than 253 characters']],
    [names.checkDns1123Label, 'a-1', []],
    [names.checkDns1123Label, 'a_b', [labelMessage]],
    [names.checkDns1123Label, 'a.b', ['must not contain dots']],
    [names.checkDns1123Label, long(64), ['must be no more than 63 characters']],
    [
      names.checkDns1123Label,
      `${long(64)}.b`,
      ['must be no more than 63 characters', 'must not contain dots'],
    ],
    [names.checkDns1035Label, 'a1', []],
    [
      names.checkDns1035Label,
      '1a',
      [/^a DNS-1035 label must consist of.*\(e\.g\. 'my-name', {2}or 'abc-123', regex/],
    ],
    [names.checkWildcardDns1123Subdomain, '*.a.b', []],
    [names.checkWildcardDns1123Subdomain, '*.*.b', [/^a wildcard DNS-1123 subdomain/]],
    [names.checkQualifiedName, 'My.name_1', []],
    [names.checkQualifiedName, 'a.b/name', []],
    [names.checkQualifiedName, '', ['name part must be non-empty', keyMessage]],
    [names.checkQualifiedName, '/a', ['prefix part must be non-empty']],
    [names.checkQualifiedName, 'A/a', [`prefix part ${subdomainMessage}`]],
    [names.checkQualifiedName, 'a/b/c', [/^a valid label key must consist of.*example\.com\/MyName'\)$/]],
    [names.checkQualifiedName, long(64), ['name part must be no more than 63 bytes']],
    [names.checkLabelValue, '', []],
    [names.checkLabelValue, 'a b', [/^a valid label must be an empty string or consist of/]],
    [names.checkLabelValue, long(64), ['must be no more than 63 bytes']],
    [names.checkConfigMapKey, '.profile', []],
    [names.checkConfigMapKey, '..', ["must not be '..'"]],
    [names.checkConfigMapKey, '..a', ["must not start with '..'"]],
    [names.checkConfigMapKey, 'a/b', [/^a valid config key/]],
    [names.checkEnvVarName, '1 a-b', []],
    [names.checkEnvVarName, 'a=b', [/printable ASCII characters other than '='$/]],
    [names.checkEnvVarName, '', ['environment variable name must be non-empty']],
    [names.checkEnvVarName, 'ä', [/printable ASCII/]],
    [names.checkStrictEnvVarName, '1a', [/^a valid environment variable name must consist of alphabetic/]],
    [names.checkCIdentifier, '_a1', []],
    [names.checkCIdentifier, '1a', [/^a valid C identifier/]],
    [names.checkPortName, 'http-1', []],
    [names.checkPortName, '80', ['must contain at least one letter (a-z)']],
    [
      names.checkPortName,
      '-a--b-',
      ['must not contain consecutive hyphens', 'must not begin or end with a hyphen'],
    ],
    [names.checkPortName, long(16), ['must be no more than 15 characters']],
    [names.checkPercent, '25%', []],
    [names.checkPercent, '25', [/^a valid percent string/]],
    [names.checkHttpHeaderName, 'X_Y', [/^a valid HTTP header/]],
    [names.checkPathSegmentName, '..', ["may not be '..'"]],
    [names.checkPathSegmentName, 'a/b%', ["may not contain '/'", "may not contain '%'"]],
  ]
  for (const [check, value, expected] of rows) {
    test(`${check.name} ${JSON.stringify(value.slice(0, 30))}`, () => {
      const problems = check(value)
      assert.equal(problems.length, expected.length, problems.join('\n'))
      for (const [index, want] of expected.entries()) {
        const problem = problems[index] ?? ''
        if (typeof want === 'string') assert.equal(problem, want)
        else assert.match(problem, want)
      }
    })
  }

  test('numbers', () => {
    assert.deepEqual(names.checkPortNumber(65_535), [])
    assert.deepEqual(names.checkPortNumber(0), ['must be between 1 and 65535, inclusive'])
  })

  test('a name of megabytes is refused, not matched', () => {
    assert.equal(names.checkDns1123Subdomain('a.'.repeat(2_000_000)).length, 2)
    assert.equal(names.checkCIdentifier(long(3_000_000)).length, 1)
  })
})

describe('addresses', () => {
  const valid = [
    '0.0.0.0',
    '255.1.2.3',
    '::',
    '::1',
    '1::',
    'fe80::a:b',
    '1:2:3:4:5:6:7:8',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:1.2.3.4',
  ]
  const invalid = [
    '',
    '1.2.3',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    ':1',
    '1:',
    '1.2.3.4::',
    'g::',
    '1:2:3:4:5:6:7::8',
    '::%eth0',
    '12345::',
  ]
  for (const text of valid) test(`${text} is one`, () => assert.deepEqual(checkIp(text), []))
  for (const text of invalid) {
    test(`${text} is none`, () =>
      assert.deepEqual(checkIp(text), ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']))
  }
  test('as numbers', () => {
    assert.deepEqual(parseIp('10.9.8.7'), [10, 9, 8, 7])
    assert.deepEqual(parseIp('::ffff:1.2.3.4'), [0, 0, 0, 0, 0, 0xffff, 0x102, 0x304])
    assert.equal(isIpv6('10.9.8.7'), false)
  })
  test('ranges', () => {
    for (const text of ['10.0.0.0/8', '0.0.0.0/0', '2001:db8::/64', '::/128'])
      assert.deepEqual(checkCidr(text), [])
    for (const text of [
      '10.0.0.0',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/08',
      '10.0.0.0/8/8',
      'x/8',
      '10.0.0.0/',
    ]) {
      assert.equal(checkCidr(text).length, 1, text)
    }
  })
})
