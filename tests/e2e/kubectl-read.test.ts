/** What kubectl reads: tables, formats, selectors, descriptions, the API's own description. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { goldens } from '../support/golden.ts'
import { configMap, deployment, ingress, pod, service, yaml } from '../support/manifests.ts'

let cluster: Cluster
const golden = goldens('read', () => cluster)

before(async () => {
  cluster = await openCluster()
  const input = yaml(
    deployment({ name: 'web', replicas: 2, labels: { tier: 'front' } }),
    service('web'),
    ingress('web', 'web.localhost'),
    configMap('settings', { colour: 'blue', 'long.txt': 'first line\nsecond line\n' }),
    configMap('limits', { requests: '10' }),
  )
  cluster.ok('apply -f -', { input })
  cluster.ok(['create', 'secret', 'generic', 'keys', '--from-literal=token=s3cret'])
  cluster.ok(['create', 'namespace', 'other'])
  cluster.ok(['apply', '-n', 'other', '-f', '-'], { input: yaml(configMap('elsewhere', { a: '1' })) })
  cluster.ok('rollout status deployment/web --timeout=60s')
})
after(() => cluster[Symbol.asyncDispose]())

test('tables of every kind', () => {
  golden('get-pods', 'get pods')
  golden('get-pods-wide', 'get pods -o wide')
  golden('get-pods-show-labels', 'get pods --show-labels')
  golden('get-pods-label-column', 'get pods -L app')
  golden('get-pods-no-headers', 'get pods --no-headers')
  golden('get-deployments', 'get deployments')
  golden('get-deployment-wide', 'get deploy web -o wide')
  golden('get-replicasets', 'get rs')
  golden('get-replicasets-wide', 'get rs -o wide')
  golden('get-services', 'get services')
  golden('get-service-wide', 'get svc/web -o wide')
  golden(
    'get-endpointslices',
    'get endpointslices -l kubernetes.io/service-name=web --no-headers -o custom-columns=TYPE:.addressType,PORT:.ports[*].port,READY:.endpoints[*].conditions.ready',
  )
  golden('get-ingresses', 'get ingress')
  golden('get-configmaps', 'get cm')
  golden('get-secrets', 'get secrets')
  golden('get-namespaces', 'get ns')
  golden('get-serviceaccounts', 'get sa')
  golden('get-nodes', 'get nodes')
  golden('get-leases', 'get leases -n kube-node-lease')
  golden('get-ingressclasses', 'get ingressclasses')
  golden('get-several-kinds', 'get deploy,svc,ing')
  golden('get-several-names', 'get cm/settings secret/keys')
  golden('get-all-namespaces', 'get cm -A')
  golden('get-other-namespace', 'get cm -n other')
  golden('get-empty', 'get pods -n other')
  golden('get-empty-everywhere', 'get leases -A -l no=such')
})

test('formats', () => {
  golden('get-yaml', 'get cm settings -o yaml')
  golden('get-json', 'get cm settings -o json')
  golden('get-name', 'get deploy,svc -o name')
  golden(
    'get-jsonpath',
    'get pods -o jsonpath=\'{range .items[*]}{.status.phase} {.spec.nodeName}{"\\n"}{end}\'',
  )
  golden('get-custom-columns', 'get deploy -o custom-columns=NAME:.metadata.name,WANT:.spec.replicas')
  golden('get-go-template', "get cm settings -o go-template='{{.data.colour}}'")
  golden('get-secret-yaml', 'get secret keys -o yaml')
  golden('get-deployment-yaml', 'get deployment web -o yaml')
  golden('get-service-yaml', 'get service web -o yaml')
  golden('get-ingress-yaml', 'get ingress web -o yaml')
  golden('get-namespace-yaml', 'get ns other -o yaml')
  golden('get-list-yaml', 'get cm -n other -o yaml')
  golden('get-empty-json', 'get pods -n other -o json')
})

test('selection and order', () => {
  golden('get-by-label', 'get deploy -l app=web')
  golden('get-by-label-set', "get deploy -l 'app in (web,api),tier!=back'")
  golden('get-by-label-missing', 'get deploy -l !tier')
  golden('get-by-field-name', 'get cm --field-selector metadata.name=settings')
  golden(
    'get-by-field-phase',
    'get pods --field-selector=status.phase=Running -o jsonpath={.items[*].status.phase}',
  )
  golden('get-by-field-not', 'get pods --field-selector=status.phase!=Running')
  golden('get-by-field-secret-type', 'get secrets --field-selector type=Opaque')
  golden('get-sort-by-name', 'get cm --sort-by=.metadata.name')
  golden('get-sort-by-data', 'get ns --sort-by={.metadata.name} -o name')
  golden('get-chunks', 'get cm -A --chunk-size=1')
  golden('get-bad-label-selector', "get pods -l 'app in web'")
  golden('get-bad-field-selector', 'get pods --field-selector spec.colour=blue')
})

test('what is not there', () => {
  golden('get-missing', 'get pod nobody')
  golden('get-missing-among', 'get cm settings nobody')
  golden('get-missing-ignored', 'get cm nobody --ignore-not-found')
  golden('get-missing-namespace', 'get pods -n nowhere')
  golden('get-unknown-resource', 'get sloops')
  golden('get-missing-raw', 'get --raw /api/v1/namespaces/default/configmaps/nobody')
  golden('get-raw-unknown-path', 'get --raw /no/such/path')
})

test('descriptions', () => {
  golden('describe-deployment', 'describe deployment web')
  golden('describe-replicaset', 'describe rs -l app=web')
  golden('describe-service', 'describe service web')
  golden('describe-ingress', 'describe ingress web')
  golden('describe-configmap', 'describe cm settings')
  golden('describe-secret', 'describe secret keys')
  // More follows once there are quotas.
  assert.match(
    cluster.ok('describe ns other'),
    /^Name: +other\nLabels: +kubernetes.io\/metadata.name=other\nAnnotations: +<none>\nStatus: +Active\n/,
  )
  golden('describe-missing', 'describe pod nobody')
})

test('describe pod, events', async () => {
  cluster.ok('apply -f -', { input: yaml(pod('single', 'hello', { env: { GREETING: 'hi' } })) })
  cluster.ok('wait --for=condition=Ready pod/single --timeout=60s')
  await until('its start is told', () =>
    cluster.ok('events --for pod/single').includes('Started') ? true : undefined,
  )
  golden('describe-pod', 'describe pod single')
  golden('events-for', 'events --for pod/single --no-headers')
  golden('get-events', 'get events --field-selector involvedObject.name=single --no-headers')
  golden('get-pod-yaml', 'get pod single -o yaml')
})

test('a watch prints what changes', async () => {
  cluster.ok('apply -n other -f -', { input: yaml(pod('anchor', 'hello')) })
  cluster.ok('wait -n other --for=condition=Ready pod/anchor --timeout=60s')
  await using watch = cluster.follow('get pods -n other -w --output-watch-events')
  await until('it has begun', () => (watch.stdout().includes('anchor') ? true : undefined))
  cluster.ok('apply -n other -f -', { input: yaml(pod('boat', 'hello')) })
  cluster.ok('wait -n other --for=condition=Ready pod/boat --timeout=60s')
  cluster.ok('delete pod boat -n other --now')
  const text = await until('the end is seen', () =>
    watch.stdout().includes('DELETED') ? watch.stdout() : undefined,
  )
  const [head, anchor, ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  assert.deepEqual(head, ['EVENT', 'NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'])
  assert.deepEqual(anchor?.slice(0, 4), ['ADDED', 'anchor', '1/1', 'Running'])
  assert.deepEqual(rows[0]?.slice(0, 4), ['ADDED', 'boat', '0/1', 'Pending'])
  assert.ok(
    rows.some(([event, , ready, status]) => event === 'MODIFIED' && ready === '1/1' && status === 'Running'),
    text,
  )
  assert.ok(
    rows.some(([, , , status]) => status === 'Terminating'),
    text,
  )
  assert.deepEqual(rows.at(-1)?.slice(0, 2), ['DELETED', 'boat'])
})

test('a watch of one object in JSON', async () => {
  await using watch = cluster.follow(['get', 'cm', 'limits', '-w', '-o', 'jsonpath={.data.requests}{"\\n"}'])
  await until('the first state', () => (watch.stdout() === '10\n' ? true : undefined))
  cluster.ok(['patch', 'cm', 'limits', '-p', '{"data":{"requests":"11"}}'])
  await until('the change', () => (watch.stdout() === '10\n11\n' ? true : undefined))
  cluster.ok(['patch', 'cm', 'limits', '-p', '{"data":{"requests":"10"}}'])
})

test('the API describes itself', () => {
  golden('version', 'version')
  golden('cluster-info', 'cluster-info')
  golden('api-resources-group', 'api-resources --api-group=coordination.k8s.io')
  // The list grows with Sampan: what is compared are rows of it.
  const rows = cluster
    .ok('api-resources -o wide')
    .split('\n')
    .map((row) => row.split(/ +/).join(' '))
  const verbs = 'create,delete,deletecollection,get,list,patch,update,watch'
  for (const row of [
    'NAME SHORTNAMES APIVERSION NAMESPACED KIND VERBS CATEGORIES',
    `configmaps cm v1 true ConfigMap ${verbs} `,
    'namespaces ns v1 false Namespace create,delete,get,list,patch,update,watch ',
    `pods po v1 true Pod ${verbs} all`,
    `deployments deploy apps/v1 true Deployment ${verbs} all`,
    `endpointslices discovery.k8s.io/v1 true EndpointSlice ${verbs} `,
  ])
    assert.ok(rows.includes(row), `${row}\n${rows.join('\n')}`)
  const versions = cluster.ok('api-versions').trimEnd().split('\n')
  for (const version of ['v1', 'apps/v1', 'networking.k8s.io/v1'])
    assert.ok(versions.includes(version), version)
  golden('explain-pod', 'explain pod')
  golden('explain-field', 'explain deployment.spec.strategy.rollingUpdate')
  golden('explain-recursive', 'explain cm --recursive')
  golden('explain-unknown-field', 'explain pod.spec.sails')
  golden('explain-unknown', 'explain sloop')
  golden('raw-readyz', 'get --raw /readyz?verbose')
  golden('raw-livez', 'get --raw /livez')
})

for (const command of [
  'top pods',
  'top nodes',
  'auth whoami',
  'auth can-i create pods',
  'auth can-i --list',
  'create token default',
  'create role reader --verb=get --resource=pods',
  'get storageclasses',
]) {
  test(`${command}: works, or says in one sentence that the server lacks it`, () => {
    const { code, stderr } = cluster.kubectl(command)
    if (code === 0) return
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^(error|Error from server \(NotFound\)): .*(not enabled|not available|could not find the requested resource|doesn't have a resource type).*\n$/,
    )
  })
}
