/** The real kubectl against the real server over TLS with a client certificate, on each embedded store. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { kubectl, type RunResult } from '../support/kubectl.ts'
import { realClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../src/store/store.ts'
import {
  issueClientCertificate,
  openCa,
  openServerCertificate,
  type KeyPair,
} from '../../src/apiserver/certificates.ts'
import { openFixture } from '../../src/apiserver/fixture.ts'
import { listenApi } from '../../src/apiserver/listen.ts'
import { mastersGroup } from '../../src/apiserver/stages/authenticate.ts'

const options = { clock: realClock, logger: silentLogger }
const stores: Readonly<Record<string, (directory: string) => Promise<Store>>> = {
  memory: () => openMemoryStore(options),
  sqlite: (directory) => openSqliteStore(join(directory, 'store.db'), options),
}

const host = '127.0.0.1'
const base64 = (text: string) => Buffer.from(text).toString('base64')

async function kubeconfigFor(ca: KeyPair, port: number): Promise<string> {
  const client = await issueClientCertificate({
    ca,
    commonName: 'tester',
    organizations: [mastersGroup],
    clock: realClock,
  })
  return JSON.stringify({
    kind: 'Config',
    apiVersion: 'v1',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        cluster: { server: `https://${host}:${port}`, 'certificate-authority-data': base64(ca.cert) },
      },
    ],
    users: [
      {
        name: 'test',
        user: { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  })
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "npm:http-server@14", ports: [{containerPort: 8080}]}]}
`
const configMap = (value: string) =>
  `{apiVersion: v1, kind: ConfigMap, metadata: {name: applied}, data: {a: "${value}"}}`

for (const [name, openStore] of Object.entries(stores))
  describe(`kubectl on the ${name} store`, () => {
    let home: string
    const stack = new AsyncDisposableStack()
    before(async () => {
      home = await mkdtemp(join(tmpdir(), 'sampan-kubectl-'))
      stack.defer(() => rm(home, { recursive: true }))
      const fixture = stack.use(await openFixture({ store: await openStore(home) }))
      const directory = join(home, 'pki')
      const ca = await openCa(directory, realClock)
      const own = await openServerCertificate({ directory, ca, hosts: [host], clock: realClock })
      const tls = { host, port: 0, ...own, ca: ca.cert }
      const listener = stack.use(await listenApi({ server: fixture.server, ...options, tls }))
      await writeFile(join(home, 'kubeconfig'), await kubeconfigFor(ca, listener.tlsPort ?? 0))
    })
    after(() => stack.disposeAsync())

    const run = (args: string, stdin?: string): Promise<RunResult> =>
      kubectl(args.split(' '), { home, ...(stdin !== undefined && { stdin }) })
    const ok = async (args: string, stdin?: string): Promise<string> => {
      const { code, stderr, stdout } = await run(args, stdin)
      assert.equal(code, 0, `kubectl ${args}: ${stderr}`)
      return stdout
    }

    test('version, api-resources and explain', async () => {
      assert.match(await ok('version'), /^Server Version: v1\.\d+\.\d+/m)
      assert.match(await ok('api-resources'), /^deployments +deploy +apps\/v1 +true +Deployment$/m)
      assert.match(await ok('api-resources --api-group=apps -o name'), /^deployments\.apps$/m)
      assert.match(await ok('explain deployment.spec.replicas'), /FIELD: replicas <integer>/)
    })

    test('create by protobuf, get in every form, label, annotate, delete', async () => {
      assert.equal(await ok('create configmap made --from-literal=a=b'), 'configmap/made created\n')
      assert.match(await ok('get cm made'), /^NAME +DATA +AGE\nmade +1 +\d+s\n$/)
      assert.equal(await ok('get cm made -o jsonpath={.data.a}'), 'b')
      assert.match(await ok('get cm made -o yaml'), /^apiVersion: v1\ndata:\n {2}a: b\nkind: ConfigMap\n/)
      assert.equal(await ok('label cm made tier=one'), 'configmap/made labeled\n')
      assert.equal(await ok('get cm -l tier=one -o name'), 'configmap/made\n')
      assert.equal(await ok('annotate cm made note=x'), 'configmap/made annotated\n')
      assert.equal(await ok('delete cm made'), 'configmap "made" deleted from default namespace\n')
      const { code, stderr } = await run('get cm made')
      assert.deepEqual([code, stderr], [1, 'Error from server (NotFound): configmaps "made" not found\n'])
    })

    test('apply creates, configures, leaves alone and diffs', async () => {
      assert.equal(await ok('apply -f -', configMap('1')), 'configmap/applied created\n')
      assert.equal(await ok('apply -f -', configMap('1')), 'configmap/applied unchanged\n')
      assert.equal(await ok('apply -f -', configMap('2')), 'configmap/applied configured\n')
      assert.equal(
        await ok('apply --dry-run=server -f -', configMap('3')),
        'configmap/applied configured (server dry run)\n',
      )
      assert.equal(await ok('get cm applied -o jsonpath={.data.a}'), '2')
      assert.equal((await run('diff -f -', configMap('2'))).code, 0)
      assert.equal((await run('diff -f -', configMap('4'))).code, 1)
      const strict = await run('apply -f -', configMap('2').replace(' data:', ' dataa:'))
      assert.match(strict.stderr, /strict decoding error: unknown field "dataa"/)
    })

    test('a Deployment is applied, patched, scaled, edited and deleted', async () => {
      assert.equal(await ok('apply -f -', deployment), 'deployment.apps/web created\n')
      assert.equal(await ok('apply -f -', deployment), 'deployment.apps/web unchanged\n')
      assert.equal(await ok('scale deployment web --replicas=5'), 'deployment.apps/web scaled\n')
      assert.equal(
        await ok('scale deployment web --replicas=3 --current-replicas=5'),
        'deployment.apps/web scaled\n',
      )
      assert.equal(
        await ok('set image deployment/web web=npm:http-server@15'),
        'deployment.apps/web image updated\n',
      )
      assert.equal(
        await ok('patch deployment web --type=json -p [{"op":"replace","path":"/spec/replicas","value":4}]'),
        'deployment.apps/web patched\n',
      )
      assert.equal(
        await ok('get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].image}'),
        '4/npm:http-server@15',
      )
      assert.equal(
        await ok('delete deployment web'),
        'deployment.apps "web" deleted from default namespace\n',
      )
    })

    test('wait and watch follow a change', async () => {
      await ok('apply -f -', deployment)
      const waiting = ok('wait deployment/web --for=condition=Available --timeout=20s')
      await ok(
        'patch deployment web --subresource=status --type=merge -p {"status":{"conditions":[{"type":"Available","status":"True"}]}}',
      )
      assert.equal(await waiting, 'deployment.apps/web condition met\n')
      await ok('patch deployment web --type=merge -p {"metadata":{"finalizers":["example.com/x"]}}')
      const deleting = ok('delete deployment web')
      await ok('wait deployment/web --for=jsonpath={.metadata.deletionTimestamp} --timeout=20s')
      await ok('patch deployment web --type=merge -p {"metadata":{"finalizers":null}}')
      assert.equal(await deleting, 'deployment.apps "web" deleted from default namespace\n')
    })

    test('replace, dry runs, chunks, sorting, all namespaces, describe', async () => {
      for (const each of ['p1', 'p2', 'p3']) await ok(`create cm ${each} -n kube-public`)
      assert.equal((await ok('get cm -n kube-public --chunk-size=2 -o name')).trim().split('\n').length, 3)
      assert.match(await ok('get cm -A --sort-by=.metadata.name'), /^NAMESPACE +NAME +DATA +AGE\n/)
      assert.match(await ok('describe cm p1 -n kube-public'), /^Name: +p1\nNamespace: +kube-public\n/)
      assert.equal(await ok('replace -f -', configMap('9')), 'configmap/applied replaced\n')
      assert.equal(
        await ok('replace --force -f -', configMap('9')),
        'configmap "applied" deleted from default namespace\nconfigmap/applied replaced\n',
      )
      assert.equal(
        await ok('delete cm --all -n kube-public'),
        'configmap "p1" deleted from kube-public namespace\nconfigmap "p2" deleted from kube-public namespace\nconfigmap "p3" deleted from kube-public namespace\n',
      )
    })

    test('pods, services, secrets and namespaces', async () => {
      assert.equal(await ok('run one --image=nginx:1'), 'pod/one created\n')
      assert.match(
        await ok('get pods -o wide'),
        /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\none +0\/1 +Pending +0 +\d+s +<none> +<none> +<none> +<none>\n$/,
      )
      assert.equal(await ok('expose pod one --port=80'), 'service/one exposed\n')
      assert.match(await ok('get svc one'), /^one +ClusterIP +10\.\d+\.\d+\.\d+ +<none> +80\/TCP/m)
      assert.equal(await ok('create secret generic s --from-literal=k=v'), 'secret/s created\n')
      assert.equal(await ok('get secret s -o jsonpath={.data.k}'), 'dg==')
      assert.equal(await ok('create namespace other'), 'namespace/other created\n')
      assert.match(await ok('get ns'), /^other +Active/m)
      assert.equal(await ok('delete pod one'), 'pod "one" deleted from default namespace\n')
      assert.match(await ok('get all'), /service\/one/)
    })
  })
