import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { bodyBytesMax } from './body.ts'
import { configMap, openFixture, pod, refusal, type Fixture } from './fixture.ts'

const configMaps = '/api/v1/namespaces/default/configmaps'
const deployments = '/apis/apps/v1/namespaces/default/deployments'

interface Row {
  readonly name: string
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly says: string | RegExp
}

const truncatedProtobuf = Buffer.from([0x6b, 0x38, 0x73, 0, 0x0a, 0x20, 0x0a, 0x02, 0x76])
const protobufType = { 'content-type': 'application/vnd.kubernetes.protobuf' }
const merge = { 'content-type': 'application/merge-patch+json' }
const deployment = (spec: object) => ({
  kind: 'Deployment',
  apiVersion: 'apps/v1',
  metadata: { name: 'd' },
  spec,
})

const rows: readonly Row[] = [
  {
    name: 'JSON that ends too early',
    path: configMaps,
    body: '{"metadata":',
    says: /^400 BadRequest: the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: .+ \({"metadata":\)$/,
  },
  {
    name: 'no body',
    path: configMaps,
    body: '',
    says: /^400 BadRequest: the object provided is unrecognized .*\(<empty>\)$/,
  },
  {
    name: 'a body that is no object',
    path: configMaps,
    body: '[]',
    says: /^400 BadRequest: the object provided is unrecognized/,
  },
  {
    name: 'truncated protobuf',
    path: configMaps,
    body: truncatedProtobuf,
    headers: protobufType,
    says: /^400 BadRequest: the object provided is unrecognized \(must be of type ConfigMap\): .*\(6b3873000a200a0276\)$/,
  },
  {
    name: 'protobuf that is none',
    path: configMaps,
    body: '{}',
    headers: protobufType,
    says: /^400 BadRequest: the object provided is unrecognized/,
  },
  {
    name: 'an unknown content type',
    path: configMaps,
    body: 'x',
    headers: { 'content-type': 'text/csv' },
    says: '415 UnsupportedMediaType: the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  },
  {
    name: 'an unknown field, strictly',
    path: `${configMaps}?fieldValidation=Strict`,
    body: { ...configMap('a'), dataa: { x: 'y' } },
    says: '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa"',
  },
  {
    name: 'a field twice, strictly',
    path: `${configMaps}?fieldValidation=Strict`,
    body: '{"metadata":{"name":"a"},"data":{"x":"1"},"data":{"x":"2"}}',
    says: '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data"',
  },
  {
    name: 'a wrong type',
    path: deployments,
    body: deployment({ replicas: 'three' }),
    says: '400 BadRequest: Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  },
  {
    name: 'another API version',
    path: deployments,
    body: { ...deployment({}), apiVersion: 'apps/v1beta1' },
    says: '400 BadRequest: the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)',
  },
  {
    name: 'another kind',
    path: configMaps,
    body: pod('a'),
    says: /^400 BadRequest: Pod in version "v1" cannot be handled as a ConfigMap: /,
  },
  {
    name: 'an unknown fieldValidation',
    path: `${configMaps}?fieldValidation=Perhaps`,
    body: configMap('a'),
    says: '422 Invalid: CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Perhaps": supported values: "", "Ignore", "Strict", "Warn"',
  },
  {
    name: 'no name',
    path: configMaps,
    body: { metadata: {} },
    says: '422 Invalid: ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    name: 'a bad name',
    path: configMaps,
    body: configMap('Bad_Name'),
    says: /^422 Invalid: ConfigMap "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of/,
  },
  {
    name: 'a bad label',
    path: configMaps,
    body: configMap('a', {}, { labels: { 'a/b/c': 'x' } }),
    says: /^422 Invalid: ConfigMap "a" is invalid: metadata\.labels: Invalid value: "a\/b\/c"/,
  },
  {
    name: 'another namespace in the body than in the URL',
    path: configMaps,
    body: configMap('a', {}, { namespace: 'kube-system' }),
    says: '400 BadRequest: the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    name: 'a namespace that is not there',
    path: '/api/v1/namespaces/nowhere/configmaps',
    body: configMap('a'),
    says: '404 NotFound: namespaces "nowhere" not found',
  },
  {
    name: 'a resourceVersion on create',
    path: configMaps,
    body: configMap('a', {}, { resourceVersion: '5' }),
    says: '400 BadRequest: resourceVersion should not be set on objects to be created',
  },
  {
    name: 'a create without a namespace',
    path: '/api/v1/configmaps',
    body: configMap('a'),
    says: '405 MethodNotAllowed: the server does not allow this method on the requested resource',
  },
  {
    name: 'an object without a namespace',
    method: 'GET',
    path: '/api/v1/configmaps/default%2Fpresent',
    says: '404 NotFound: the server could not find the requested resource',
  },
  {
    name: 'a name with a slash',
    method: 'GET',
    path: `${configMaps}/a%2Fb`,
    says: '404 NotFound: configmaps "a/b" not found',
  },
  {
    name: 'an object that is not there',
    method: 'GET',
    path: `${deployments}/nobody`,
    says: '404 NotFound: deployments.apps "nobody" not found',
  },
  {
    name: 'a name longer than any key',
    method: 'GET',
    path: `${configMaps}/${'x'.repeat(2_000)}`,
    says: /^404 NotFound: configmaps "x+" not found$/,
  },
  {
    name: 'an unknown resource',
    method: 'GET',
    path: '/api/v1/gizmos',
    says: '404 NotFound: the server could not find the requested resource',
  },
  {
    name: 'an unknown group',
    method: 'GET',
    path: '/apis/example.com/v1/gizmos',
    says: '404 NotFound: the server could not find the requested resource',
  },
  {
    name: 'an unknown subresource',
    method: 'GET',
    path: `${configMaps}/present/status`,
    says: '404 NotFound: the server could not find the requested resource',
  },
  {
    name: 'a verb the resource lacks',
    method: 'DELETE',
    path: '/api/v1/namespaces',
    says: '405 MethodNotAllowed: the server does not allow this method on the requested resource',
  },
  {
    name: 'a deletion across all namespaces',
    method: 'DELETE',
    path: '/api/v1/configmaps',
    says: '405 MethodNotAllowed: the server does not allow this method on the requested resource',
  },
  {
    name: 'a put to a collection',
    method: 'PUT',
    path: configMaps,
    body: configMap('a'),
    says: '405 MethodNotAllowed: the server does not allow this method on the requested resource',
  },
  {
    name: 'a post to an object',
    path: `${configMaps}/present`,
    body: configMap('present'),
    says: '405 MethodNotAllowed: the server does not allow this method on the requested resource',
  },
  {
    name: 'a method nobody knows',
    method: 'BREW',
    path: configMaps,
    says: '405 MethodNotAllowed: the server does not allow this method on the requested resource',
  },
  {
    name: 'a stale resourceVersion',
    method: 'PUT',
    path: `${configMaps}/present`,
    body: configMap('present', {}, { resourceVersion: '1' }),
    says: '409 Conflict: Operation cannot be fulfilled on configmaps "present": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    name: 'another name in the body than in the URL',
    method: 'PUT',
    path: `${configMaps}/present`,
    body: configMap('absent'),
    says: '400 BadRequest: the name of the object (absent) does not match the name on the URL (present)',
  },
  {
    name: 'another namespace in the body of a PUT',
    method: 'PUT',
    path: `${configMaps}/present`,
    body: configMap('present', {}, { namespace: 'other' }),
    says: '400 BadRequest: the namespace of the object (other) does not match the namespace on the request (default)',
  },
  {
    name: 'another uid in a PUT',
    method: 'PUT',
    path: `${configMaps}/present`,
    body: configMap('present', {}, { uid: 'someone-else' }),
    says: /^409 Conflict: Operation cannot be fulfilled on configmaps "present": Precondition failed: UID in precondition: someone-else, UID in object meta: [-0-9a-f]{36}$/,
  },
  {
    name: 'a create of what is there',
    path: configMaps,
    body: configMap('present'),
    says: '409 AlreadyExists: configmaps "present" already exists',
  },
  {
    name: 'a dry run of a create of what is there',
    path: `${configMaps}?dryRun=All`,
    body: configMap('present'),
    says: '409 AlreadyExists: configmaps "present" already exists',
  },
  {
    name: 'an unknown dryRun',
    path: `${configMaps}?dryRun=Some`,
    body: configMap('a'),
    says: /^422 Invalid: CreateOptions\.meta\.k8s\.io "" is invalid: dryRun: Unsupported value: .*supported values: "All"$/,
  },
  {
    name: 'a patch of an unknown type',
    method: 'PATCH',
    path: `${configMaps}/present`,
    body: {},
    says: '415 UnsupportedMediaType: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
  },
  {
    name: 'a patch that is not JSON',
    method: 'PATCH',
    path: `${configMaps}/present`,
    headers: merge,
    body: '{',
    says: /^400 BadRequest: error decoding patch: /,
  },
  {
    name: 'a patch that makes a wrong type',
    method: 'PATCH',
    path: `${configMaps}/present`,
    headers: merge,
    body: { data: { a: 1 } },
    says: /^422 Invalid: {2}"" is invalid: patch: Invalid value: ".*": json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
  },
  {
    name: 'a patch with an unknown field, strictly',
    method: 'PATCH',
    path: `${configMaps}/present?fieldValidation=Strict`,
    headers: merge,
    body: { dataa: {} },
    says: /^422 Invalid: {2}"" is invalid: patch: Invalid value: ".*": strict decoding error: unknown field "dataa"$/,
  },
  {
    name: 'a patch that renames',
    method: 'PATCH',
    path: `${configMaps}/present`,
    headers: merge,
    body: { metadata: { name: 'other' } },
    says: /^422 Invalid: ConfigMap "present" is invalid: metadata\.name: Invalid value: "other": field is immutable$/,
  },
  {
    name: 'a patch with a stale resourceVersion',
    method: 'PATCH',
    path: `${configMaps}/present`,
    headers: merge,
    body: { metadata: { resourceVersion: '1' } },
    says: /^409 Conflict: /,
  },
  {
    name: 'a bad label selector',
    method: 'GET',
    path: `${configMaps}?labelSelector=${encodeURIComponent('a in (')}`,
    says: /^400 BadRequest: /,
  },
  {
    name: 'a bad field selector',
    method: 'GET',
    path: `${configMaps}?fieldSelector=what`,
    says: `400 BadRequest: invalid selector: 'what'; can't understand 'what'`,
  },
  {
    name: 'an unknown field in a field selector',
    method: 'GET',
    path: `/api/v1/pods?fieldSelector=spec.colour%3Dred`,
    says: '400 BadRequest: field label not supported: spec.colour',
  },
  {
    name: 'an unknown field where there are only names',
    method: 'GET',
    path: `${configMaps}?fieldSelector=data%3Dx`,
    says: '400 BadRequest: "data" is not a known field selector: only "metadata.name", "metadata.namespace"',
  },
  {
    name: 'a bad continue token',
    method: 'GET',
    path: `${configMaps}?limit=1&continue=%21%21`,
    says: /^400 BadRequest: invalid continue token: continue key is not valid: /,
  },
  {
    name: 'a continue token of nobody',
    method: 'GET',
    path: `${configMaps}?limit=1&continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"x"}').toString('base64url')}`,
    says: '400 BadRequest: invalid continue token: continue key is not valid: server does not recognize this encoded version',
  },
  {
    name: 'a continue token with half a character',
    method: 'GET',
    path: `${configMaps}?limit=1&continue=${Buffer.from('{"v":"sampan/1","rv":1,"after":"\\ud800"}').toString('base64url')}`,
    says: '400 BadRequest: invalid continue token: continue key is not valid: encoded start key missing',
  },
  {
    name: 'a resourceVersion that is no number',
    method: 'GET',
    path: `${configMaps}?resourceVersion=abc`,
    says: '400 BadRequest: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  },
  {
    name: 'a match without a resourceVersion',
    method: 'GET',
    path: `${configMaps}?resourceVersionMatch=Exact`,
    says: '422 Invalid: ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  },
  {
    name: 'sendInitialEvents without a match',
    method: 'GET',
    path: `${configMaps}?watch=1&sendInitialEvents=true`,
    says: '422 Invalid: ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  },
  {
    name: 'sendInitialEvents in a list',
    method: 'GET',
    path: `${configMaps}?sendInitialEvents=true`,
    says: '422 Invalid: ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  },
  {
    name: 'an answer nobody can give',
    method: 'GET',
    path: configMaps,
    headers: { accept: 'application/vnd.kubernetes.protobuf' },
    says: '406 NotAcceptable: only the following media types are accepted: application/json, application/yaml',
  },
  {
    name: 'a body above the limit',
    path: configMaps,
    body: configMap('a', { x: 'x'.repeat(bodyBytesMax) }),
    says: `413 RequestEntityTooLarge: Request entity too large: limit is ${bodyBytesMax}`,
  },
  {
    name: 'a delete with a strange policy',
    method: 'DELETE',
    path: `${configMaps}/present?propagationPolicy=Perhaps`,
    says: /^422 Invalid: DeleteOptions\.meta\.k8s\.io "" is invalid: propagationPolicy: Unsupported value: "Perhaps"/,
  },
  {
    name: 'a delete of another uid',
    method: 'DELETE',
    path: `${configMaps}/present`,
    body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'x' } },
    says: /^409 Conflict: Operation cannot be fulfilled on configmaps "present": Precondition failed: UID in precondition: x, UID in object meta: /,
  },
  {
    name: 'a binding whose name is part of a path',
    path: '/api/v1/namespaces/default/bindings',
    body: { metadata: { name: 'a/b' }, target: { name: 'n' } },
    says: '400 BadRequest: Name parameter invalid: "a/b": may not contain \'/\'',
  },
  {
    name: 'a binding whose name no pod can have',
    path: '/api/v1/namespaces/default/bindings',
    body: { metadata: { name: 'x'.repeat(2_000) }, target: { name: 'n' } },
    says: `404 NotFound: pods "${'x'.repeat(2_000)}" not found`,
  },
  {
    name: 'a path with a bad escape',
    method: 'GET',
    path: '/api/v1/namespaces/%zz/pods',
    says: /^400 BadRequest: /,
  },
]

let fixture: Fixture
before(async () => {
  fixture = await openFixture()
  assert.equal((await fixture.request('POST', configMaps, configMap('present'))).status, 201)
})
after(() => fixture[Symbol.asyncDispose]())

for (const { name, method = 'POST', path, body, headers, says } of rows)
  test(`${name} is refused`, async () => {
    const said = refusal(await fixture.request(method, path, body, headers))
    if (typeof says === 'string') assert.equal(said, says)
    else assert.match(said, says)
  })

test('without credentials the answer is 401, except for health and version', async () => {
  const statusOf = async (path: string) =>
    (await fixture.server.handle({ method: 'GET', path, headers: {} })).status
  assert.equal(await statusOf('/api/v1/pods'), 401)
  assert.equal(await statusOf('/api'), 401)
  for (const path of ['/healthz', '/livez', '/readyz', '/version', '/readyz/store'])
    assert.equal(await statusOf(path), 200)
})

test('a wrong token is 401 everywhere', async () => {
  const headers = { authorization: 'Bearer guess' }
  assert.equal((await fixture.server.handle({ method: 'GET', path: '/version', headers })).status, 401)
})

test('unknown fields are dropped with a warning unless asked otherwise', async () => {
  const body = { ...configMap('warned'), dataa: {}, spec: 1 }
  const warned = await fixture.request('POST', configMaps, body)
  assert.equal(warned.status, 201)
  assert.equal(
    warned.headers['warning'],
    '299 - "unknown field \\"dataa\\"", 299 - "unknown field \\"spec\\""',
  )
  assert.equal(warned.body.dataa, undefined)
  const ignored = await fixture.request('PUT', `${configMaps}/warned?fieldValidation=Ignore`, body)
  assert.equal(ignored.headers['warning'], undefined)
})

test('a review without a spec is refused like one whose spec is empty', async () => {
  const reviews = [
    'authorization.k8s.io/v1/selfsubjectaccessreviews',
    'authorization.k8s.io/v1/subjectaccessreviews',
    'authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews',
    'authorization.k8s.io/v1/selfsubjectrulesreviews',
    'authentication.k8s.io/v1/tokenreviews',
  ]
  for (const review of reviews) {
    const { status } = await fixture.request('POST', `/apis/${review}`, {})
    assert.ok(status >= 400 && status < 500, `${review}: ${status}`)
  }
})

test('a content type that is a property of every object is unknown', async () => {
  await fixture.request('POST', configMaps, configMap('typed'))
  for (const type of ['__proto__', 'constructor', 'toString']) {
    const headers = { 'content-type': type }
    assert.equal((await fixture.request('PATCH', `${configMaps}/typed`, {}, headers)).status, 415, type)
    assert.equal((await fixture.request('POST', configMaps, {}, headers)).status, 415, type)
  }
})

test('a schema in additionalProperties is held to the same rules as any other', async () => {
  const definition = (additionalProperties: unknown) => ({
    metadata: { name: 'odds.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'odds', kind: 'Odd' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', properties: { a: { type: 'object', additionalProperties } } },
          },
        },
      ],
    },
  })
  const values = [
    { type: 'object', properties: { b: null } },
    { type: 'object', allOf: [null] },
    { allOf: 255 },
    { type: 'object', additionalProperties: { type: 'object', properties: { b: null } } },
    { properties: 'none' },
    5,
  ]
  for (const value of values) {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All'
    const { status, body } = await fixture.request('POST', path, definition(value))
    assert.ok(
      status === 422 || status === 400 || status === 201,
      `${JSON.stringify(value)}: ${JSON.stringify(body)}`,
    )
  }
})
