/** Access as its users meet it: kubectl with a restricted kubeconfig, tokens, a program inside of a pod. */
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { kubectlVersions, type KubectlVersion } from '../support/kubectl.ts'

for (const version of kubectlVersions) describe(`kubectl ${version}`, () => define(version))

function define(version: KubectlVersion): void {
  let cluster: Cluster
  before(async () => {
    cluster = await openCluster({ kubectl: version })
    cluster.ok('create serviceaccount robot')
    cluster.ok('create rolebinding robot-views --clusterrole=view --serviceaccount=default:robot')
  })
  after(() => cluster[Symbol.asyncDispose]())

  /** A kubeconfig with nothing but a token. */
  function kubeconfigOf(token: string, name: string): NodeJS.ProcessEnv {
    const own = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as { readonly users: readonly object[] }
    const path = join(cluster.dataDir, `${name}.kubeconfig`)
    const text = JSON.stringify({ ...own, users: own.users.map((user) => ({ ...user, user: { token } })) })
    writeFileSync(path, text, { mode: 0o600 })
    return { KUBECONFIG: path }
  }

  test('who holds a service account’s token may do what its roles say', () => {
    const env = kubeconfigOf(cluster.ok('create token robot --duration=20m').trim(), 'robot')
    const whoAmI = cluster.ok('auth whoami -o jsonpath={.status.userInfo.username}', { env })
    assert.equal(whoAmI, 'system:serviceaccount:default:robot')
    assert.equal(cluster.ok('get pods -o name', { env }), '')
    const secrets = cluster.kubectl('get secrets', { env })
    assert.equal(secrets.code, 1)
    assert.equal(
      secrets.stderr,
      'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:robot" cannot list resource "secrets" in API group "" in the namespace "default"\n',
    )
    const create = cluster.kubectl('create configmap x', { env })
    assert.match(create.stderr, /configmaps is forbidden: .* cannot create resource "configmaps"/)
    assert.equal(cluster.kubectl('get pods -n kube-system', { env }).code, 1)
  })

  test('kubectl auth can-i answers for oneself and for others', () => {
    const env = kubeconfigOf(cluster.ok('create token robot').trim(), 'asking')
    const canI = (what: string, options = {}) => {
      const { code, stdout } = cluster.kubectl(`auth can-i ${what}`, options)
      return [stdout.split('\n')[0], code]
    }
    assert.deepEqual(canI('list pods', { env }), ['yes', 0])
    assert.deepEqual(canI('delete pods', { env }), ['no', 1])
    assert.deepEqual(canI('list pods -n kube-system', { env }), ['no', 1])
    assert.deepEqual(canI('get pods --subresource=log', { env }), ['yes', 0])
    assert.deepEqual(canI("'*' '*'"), ['yes', 0])
    assert.deepEqual(canI('list secrets --as=system:serviceaccount:default:robot'), ['no', 1])
    assert.deepEqual(canI('get /version --as=bo'), ['yes', 0])
    const list = cluster.ok('auth can-i --list', { env })
    assert.match(list, /^pods\s+\[\]\s+\[\]\s+\[get list watch\]$/m)
    assert.match(list, /^selfsubjectreviews.authentication.k8s.io\s+\[\]\s+\[\]\s+\[create\]$/m)
  })

  test('roles made with kubectl count at once, and nobody grants more than they have', () => {
    cluster.ok('create role granter --verb=create,get --resource=roles,rolebindings')
    cluster.ok('create rolebinding ana-grants --role=granter --user=ana')
    const asAna = (what: string) => cluster.kubectl(`${what} --as=ana`)
    const tooMuch = asAna('create role reader --verb=get,list --resource=secrets')
    assert.equal(tooMuch.code, 1)
    assert.match(tooMuch.stderr, /is attempting to grant RBAC permissions not currently held:/)
    assert.match(tooMuch.stderr, /^\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get" "list"\]\}$/m)
    assert.equal(asAna('create role more --verb=delete --resource=roles').code, 1)
    cluster.ok('create role same --verb=get --resource=roles.rbac.authorization.k8s.io --as=ana')
  })

  test('a ClusterRole gathers the rules of others as they come', async () => {
    cluster.ok(['apply', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'more-view', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
        rules: [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }],
      }),
    })
    const gathered = `get clusterrole admin -o jsonpath={.rules[?(@.apiGroups[0]=="example.com")].resources[0]}`
    await until('it is gathered', () => cluster.ok(gathered) === 'widgets' || undefined, 20_000)
  })

  test('a quota refuses what is too much, and counts off what is deleted', () => {
    cluster.ok('create namespace small')
    cluster.ok('create quota few --hard=services=1,configmaps=3 -n small')
    cluster.ok('wait quota/few -n small --for=jsonpath={.status.used.services}=0 --timeout=20s')
    cluster.ok('create service clusterip one --tcp=80 -n small')
    const second = cluster.kubectl('create service clusterip two --tcp=80 -n small')
    assert.match(
      second.stderr,
      /services "two" is forbidden: exceeded quota: few, requested: services=1, used: services=1, limited: services=1/,
    )
    cluster.ok('delete service one -n small')
    cluster.ok('wait quota/few -n small --for=jsonpath={.status.used.services}=0 --timeout=20s')
    cluster.ok('create service clusterip two --tcp=80 -n small')
  })

  test('the default account and the CA come back when they are deleted', async () => {
    cluster.ok('delete serviceaccount default -n small')
    cluster.ok('delete configmap kube-root-ca.crt -n small')
    const both = 'get serviceaccount/default configmap/kube-root-ca.crt -n small'
    await until('they are back', () => cluster.kubectl(both).code === 0 || undefined, 20_000)
  })

  test('an app finds the API by address and by name, its certificate and its token inside of its pod', () => {
    const script = `
    const fs = require('node:fs'), https = require('node:https')
    const file = (name) => fs.readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/' + name, 'utf8')
    const { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env
    const path = '/api/v1/namespaces/' + file('namespace') + '/configmaps/kube-root-ca.crt'
    const ask = (host, port) => new Promise((resolve) => {
      const options = { host, port, path, ca: file('ca.crt'), headers: { authorization: 'Bearer ' + file('token') } }
      https.get(options, (answer) => {
        let text = ''
        answer.on('data', (chunk) => (text += chunk))
        answer.on('end', () => resolve(console.log(answer.statusCode, JSON.parse(text).metadata.name)))
      }).on('error', (error) => resolve(console.log(host, error.message)))
    })
    const found = (name) => require('node:dns').promises.lookup(name).then(({ address }) => console.log(address))
    ;(async () => {
      await ask(KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT)
      for (const host of ['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', 'kubernetes.default', '10.96.0.1'])
        await ask(host, 443)
      await found('kubernetes.default.svc')
    })()`
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'inside' },
      spec: {
        restartPolicy: 'Never',
        serviceAccountName: 'robot',
        containers: [
          {
            name: 'main',
            image: `dir:${join(import.meta.dirname, '..', 'testdata', 'apps', 'logger')}`,
            command: ['node', '-e', script],
          },
        ],
      },
    }
    cluster.ok(['apply', '-f', '-'], { input: JSON.stringify(pod) })
    cluster.ok('wait pod/inside --for=jsonpath={.status.phase}=Succeeded --timeout=40s')
    assert.equal(cluster.ok('logs inside'), `${'200 kube-root-ca.crt\n'.repeat(5)}10.96.0.1\n`)
  })

  test('keys and tokens are readable by nobody else, and in no log', () => {
    const token = cluster.ok('create token robot').trim()
    cluster.kubectl('get secrets', { env: kubeconfigOf(token, 'logged') })
    assert.equal(statSync(join(cluster.dataDir, 'pki', 'service-accounts.key')).mode & 0o777, 0o600)
    for (const name of ['server', 'agent', 'gateway']) {
      const log = readFileSync(join(cluster.dataDir, 'logs', `${name}.log`), 'utf8')
      assert.ok(!/eyJ[A-Za-z0-9_-]{20}|PRIVATE KEY/.test(log), `${name}.log holds a token or a key`)
    }
  })
}
