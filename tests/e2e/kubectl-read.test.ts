/** What kubectl reads: tables, formats, selectors, descriptions, the API's own description. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/cluster.ts'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { configMap, deployment, ingress, pod, service, yaml } from '../support/manifests.ts'

const objects = yaml(
  deployment({ name: 'web', replicas: 2, labels: { tier: 'front' } }),
  service('web'),
  ingress('web', 'web.localhost'),
  configMap('settings', { colour: 'blue', 'long.txt': 'first line\nsecond line\n' }),
  configMap('limits', { requests: '10' }),
)

async function prepare({ ok }: Suite): Promise<void> {
  await ok('apply -f -', { input: objects })
  await ok(['create', 'secret', 'generic', 'keys', '--from-literal=token=s3cret'])
  await ok(['create', 'namespace', 'other'])
  await ok(['apply', '-n', 'other', '-f', '-'], { input: yaml(configMap('elsewhere', { a: '1' })) })
  await ok('rollout status deployment/web --timeout=60s')
  for (const addresses of [
    'endpoints web -o jsonpath={.subsets[*].addresses[*].ip}',
    'endpointslices -l kubernetes.io/service-name=web -o jsonpath={.items[*].endpoints[*].addresses[0]}',
  ])
    await until(
      'both pods are endpoints',
      async () => (await ok(`get ${addresses}`)).split(' ').length === 2 || undefined,
    )
}

everyKubectl({ folder: 'read', prepare, define })

function define(suite: Suite): void {
  const { golden, ok, kubectl } = suite

  test('tables of every kind', async () => {
    await golden('get-pods', 'get pods')
    await golden('get-pods-wide', 'get pods -o wide')
    await golden('get-pods-show-labels', 'get pods --show-labels')
    await golden('get-pods-label-column', 'get pods -L app')
    await golden('get-pods-no-headers', 'get pods --no-headers')
    await golden('get-deployments', 'get deployments')
    await golden('get-deployment-wide', 'get deploy web -o wide')
    await golden('get-replicasets', 'get rs')
    await golden('get-replicasets-wide', 'get rs -o wide')
    await golden('get-services', 'get services')
    await golden('get-service-wide', 'get svc/web -o wide')
    await golden(
      'get-endpointslices',
      'get endpointslices -l kubernetes.io/service-name=web --no-headers -o custom-columns=TYPE:.addressType,PORT:.ports[*].port,READY:.endpoints[*].conditions.ready',
    )
    await golden('get-ingresses', 'get ingress')
    await golden('get-configmaps', 'get cm')
    await golden('get-secrets', 'get secrets')
    await golden('get-namespaces', 'get ns')
    await golden('get-serviceaccounts', 'get sa')
    await golden('get-nodes', 'get nodes')
    await golden('get-leases', 'get leases -n kube-node-lease')
    await golden('get-ingressclasses', 'get ingressclasses')
    await golden('get-several-kinds', 'get deploy,svc,ing')
    await golden('get-several-names', 'get cm/settings secret/keys')
    await golden('get-all-namespaces', 'get cm -A')
    await golden('get-other-namespace', 'get cm -n other')
    await golden('get-empty', 'get pods -n other')
    await golden('get-empty-everywhere', 'get leases -A -l no=such')
  })

  test('formats', async () => {
    await golden('get-yaml', 'get cm settings -o yaml')
    await golden('get-json', 'get cm settings -o json')
    await golden('get-name', 'get deploy,svc -o name')
    await golden(
      'get-jsonpath',
      'get pods -o jsonpath=\'{range .items[*]}{.status.phase} {.spec.nodeName}{"\\n"}{end}\'',
    )
    await golden('get-custom-columns', 'get deploy -o custom-columns=NAME:.metadata.name,WANT:.spec.replicas')
    await golden('get-go-template', "get cm settings -o go-template='{{.data.colour}}'")
    await golden('get-secret-yaml', 'get secret keys -o yaml')
    await golden('get-deployment-yaml', 'get deployment web -o yaml')
    await golden('get-service-yaml', 'get service web -o yaml')
    await golden('get-ingress-yaml', 'get ingress web -o yaml')
    await golden('get-namespace-yaml', 'get ns other -o yaml')
    await golden('get-list-yaml', 'get cm -n other -o yaml')
    await golden('get-empty-json', 'get pods -n other -o json')
  })

  test('selection and order', async () => {
    await golden('get-by-label', 'get deploy -l app=web')
    await golden('get-by-label-set', "get deploy -l 'app in (web,api),tier!=back'")
    await golden('get-by-label-missing', 'get deploy -l !tier')
    await golden('get-by-field-name', 'get cm --field-selector metadata.name=settings')
    await golden(
      'get-by-field-phase',
      'get pods --field-selector=status.phase=Running -o jsonpath={.items[*].status.phase}',
    )
    await golden('get-by-field-not', 'get pods --field-selector=status.phase!=Running')
    await golden('get-by-field-secret-type', 'get secrets --field-selector type=Opaque')
    await golden('get-sort-by-name', 'get cm --sort-by=.metadata.name')
    await golden('get-sort-by-data', 'get ns --sort-by={.metadata.name} -o name')
    await golden('get-chunks', 'get cm -A --chunk-size=1')
    await golden('get-bad-label-selector', "get pods -l 'app in web'")
    await golden('get-bad-field-selector', 'get pods --field-selector spec.colour=blue')
  })

  test('what is not there', async () => {
    await golden('get-missing', 'get pod nobody')
    await golden('get-missing-among', 'get cm settings nobody')
    await golden('get-missing-ignored', 'get cm nobody --ignore-not-found')
    await golden('get-missing-namespace', 'get pods -n nowhere')
    await golden('get-unknown-resource', 'get sloops')
    await golden('get-missing-raw', 'get --raw /api/v1/namespaces/default/configmaps/nobody')
    await golden('get-raw-unknown-path', 'get --raw /no/such/path')
  })

  test('descriptions', async () => {
    await golden('describe-deployment', 'describe deployment web')
    await golden('describe-replicaset', 'describe rs -l app=web')
    await golden('describe-service', 'describe service web')
    await golden('describe-ingress', 'describe ingress web')
    await golden('describe-configmap', 'describe cm limits') // of several keys kubectl 1.28 shows any first
    await golden('describe-secret', 'describe secret keys')
    // More follows once there are quotas.
    assert.match(
      await ok('describe ns other'),
      /^Name: +other\nLabels: +kubernetes.io\/metadata.name=other\nAnnotations: +<none>\nStatus: +Active\n/,
    )
    await golden('describe-missing', 'describe pod nobody')
  })

  test('describe pod, events', async () => {
    await ok('apply -f -', { input: yaml(pod('single', 'hello', { env: { GREETING: 'hi' } })) })
    await ok('wait --for=condition=Ready pod/single --timeout=60s')
    await until(
      'its start is told',
      async () => (await ok('events --for pod/single')).includes('Started') || undefined,
    )
    await golden('describe-pod', 'describe pod single')
    await golden('events-for', 'events --for pod/single --no-headers')
    await golden('get-events', 'get events --field-selector involvedObject.name=single --no-headers')
    await golden('get-pod-yaml', 'get pod single -o yaml')
  })

  test('a watch prints what changes', async () => {
    await ok('apply -n other -f -', { input: yaml(pod('anchor', 'hello')) })
    await ok('wait -n other --for=condition=Ready pod/anchor --timeout=60s')
    await using watch = suite.cluster.follow('get pods -n other -w --output-watch-events')
    await until('it has begun', () => (watch.stdout().includes('anchor') ? true : undefined))
    await ok('apply -n other -f -', { input: yaml(pod('boat', 'hello')) })
    await ok('wait -n other --for=condition=Ready pod/boat --timeout=60s')
    await ok('delete pod boat -n other --now')
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
      rows.some(
        ([event, , ready, status]) => event === 'MODIFIED' && ready === '1/1' && status === 'Running',
      ),
      text,
    )
    assert.ok(
      rows.some(([, , , status]) => status === 'Terminating'),
      text,
    )
    assert.deepEqual(rows.at(-1)?.slice(0, 2), ['DELETED', 'boat'])
  })

  test('a watch of one object in JSON', async () => {
    await using watch = suite.cluster.follow([
      'get',
      'cm',
      'limits',
      '-w',
      '-o',
      'jsonpath={.data.requests}{"\\n"}',
    ])
    await until('the first state', () => (watch.stdout() === '10\n' ? true : undefined))
    await ok(['patch', 'cm', 'limits', '-p', '{"data":{"requests":"11"}}'])
    await until('the change', () => (watch.stdout() === '10\n11\n' ? true : undefined))
    await ok(['patch', 'cm', 'limits', '-p', '{"data":{"requests":"10"}}'])
  })

  test('the API describes itself', async () => {
    await golden('version', 'version')
    await golden('cluster-info', 'cluster-info')
    await golden('api-resources-group', 'api-resources --api-group=coordination.k8s.io')
    // The list grows with Sampan: what is compared are rows of it.
    const rows = (await ok('api-resources -o wide')).split('\n').map((row) => row.split(/ +/).join(' '))
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
    const versions = (await ok('api-versions')).trimEnd().split('\n')
    for (const version of ['v1', 'apps/v1', 'networking.k8s.io/v1'])
      assert.ok(versions.includes(version), version)
    await golden('explain-pod', 'explain pod')
    await golden('explain-field', 'explain deployment.spec.strategy.rollingUpdate')
    await golden('explain-recursive', 'explain cm --recursive')
    await golden('explain-unknown-field', 'explain pod.spec.sails')
    await golden('explain-unknown', 'explain sloop')
    await golden('raw-readyz', 'get --raw /readyz?verbose')
    await golden('raw-livez', 'get --raw /livez')
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
    test(`${command}: works, or says in one sentence that the server lacks it`, async () => {
      const { code, stderr } = await kubectl(command)
      if (code === 0) return
      assert.equal(code, 1)
      assert.match(
        stderr,
        /^(error|Error from server \(NotFound\)): .*(not enabled|not available|could not find the requested resource|doesn't have a resource type).*\n$/,
      )
    })
  }
}
