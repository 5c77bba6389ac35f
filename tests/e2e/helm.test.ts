/** Helm 4 against a whole Sampan: its own scaffold, and the charts of `tests/testdata/charts`. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { chart, createHelm, type Helm } from '../support/helm.ts'
import { ask } from '../support/http.ts'
import { image } from '../support/manifests.ts'

let cluster: Cluster
before(async () => {
  cluster = await openCluster()
})
after(() => cluster[Symbol.asyncDispose]())

interface Revision {
  readonly revision: number
  readonly status: string
  readonly description: string
}

const historyOf = (helm: Helm, release: string): readonly string[] =>
  (JSON.parse(helm.ok(`history ${release} -o json`)) as Revision[]).map(
    ({ revision, status, description }) => `${revision} ${status}: ${description}`,
  )

const kindsOfCharts = 'deploy,sts,svc,ingress,hpa,pdb,sa,cm,role,rolebinding,secret,pod,replicaset'

/** Everything that is in a namespace beside what every namespace has, as `kind/name`. */
const objectsIn = (namespace: string): readonly string[] =>
  cluster
    .ok(`get --namespace ${namespace} -o name ${kindsOfCharts}`)
    .split('\n')
    .filter((name) => name !== '' && !/\/(kube-root-ca\.crt|default)$/.test(name))

const web = (name: string) => `${name} ${chart('web')}`
const images = `image=${image('hello')},taskImage=${image('hello')}`

/** A release of the chart `web`, up and running. */
function installWeb(namespace: string, values = 'replicas=1'): Helm {
  const helm = createHelm(cluster, namespace)
  helm.ok(`install ${web('web')} --create-namespace --set ${images},${values} --wait --timeout 60s`)
  return helm
}

test('the unmodified scaffold of helm create, with a package for an image', async () => {
  const helm = createHelm(cluster, 'scaffold')
  helm.ok('create site')
  const values = 'image.repository=npm:http-server,image.tag=14.1.1'
  const installed = helm.ok(`install site ./site --create-namespace --set ${values} --wait --timeout 120s`)
  assert.match(installed, /STATUS: deployed\nREVISION: 1\nDESCRIPTION: Install complete/)
  assert.match(cluster.ok('get --raw /api/v1/namespaces/scaffold/services/site:http/proxy/'), /Index of \//)

  const more =
    'replicaCount=2,ingress.enabled=true,autoscaling.enabled=true,autoscaling.minReplicas=1,' +
    'ingress.hosts[0].host=site.example.test,ingress.hosts[0].paths[0].path=/,ingress.hosts[0].paths[0].pathType=Prefix'
  helm.ok(`upgrade site ./site --reuse-values --set ${more} --wait --timeout 60s`)
  assert.match(helm.ok('status site'), /==> v2\/HorizontalPodAutoscaler\n.*\n *site +Deployment\/site/)
  const page = await until('the gateway to know the app', async () => {
    const answer = await ask(cluster.gatewayUrl, { host: 'site.example.test' })
    return answer.status === 200 ? answer.body : undefined
  })
  assert.match(page, /Index of \//)

  helm.ok('rollback site 1 --wait --timeout 60s')
  assert.deepEqual(historyOf(helm, 'site'), [
    '1 superseded: Install complete',
    '2 superseded: Upgrade complete',
    '3 deployed: Rollback to 1',
  ])
  helm.ok('uninstall site --wait --timeout 60s')
  assert.equal(helm.ok('list -q'), '')
  await until('everything to be gone', () => objectsIn('scaffold').length === 0 || undefined)
})

describe('a web app with everything around it', () => {
  let helm: Helm
  before(() => {
    helm = installWeb('web', 'replicas=2')
  })
  const pods = () =>
    cluster.ok('-n web get pod -l app.kubernetes.io/instance=web -o jsonpath={.items[*].metadata.name}')
  const answerOf = async () => (await ask(cluster.gatewayUrl, { host: 'web.example.test' })).body
  /** Hooks are gone soon after they have run; their events stay. */
  const hasStarted = (pod: string) =>
    until(`the event of ${pod}`, () => {
      const events = cluster.ok(`-n web get events --field-selector involvedObject.name=${pod}`)
      return events.includes('Started container task') || undefined
    })

  test('install has made every object, and the app answers', async () => {
    const names = objectsIn('web').filter((name) => !/^(pod|replicaset\.apps|secret)\//.test(name))
    assert.deepEqual(names, [
      'deployment.apps/web',
      'service/web',
      'ingress.networking.k8s.io/web',
      'horizontalpodautoscaler.autoscaling/web',
      'poddisruptionbudget.policy/web',
      'serviceaccount/web',
      'configmap/web',
      'role.rbac.authorization.k8s.io/web',
      'rolebinding.rbac.authorization.k8s.io/web',
    ])
    await until('the app to answer', async () => (await answerOf()) === 'hello /\n' || undefined)
    const [release] = JSON.parse(helm.ok('list -o json')) as Readonly<Record<string, string>>[]
    assert.deepEqual(
      [
        release?.['name'],
        release?.['namespace'],
        release?.['revision'],
        release?.['status'],
        release?.['chart'],
      ],
      ['web', 'web', '1', 'deployed', 'web-0.1.0'],
    )
  })

  test('hooks have run, and are kept or gone as their policies say', async () => {
    assert.equal(cluster.ok('-n web logs web-pre-install'), 'pre-install of revision 1\n')
    const gone = cluster.kubectl('-n web get pod web-post-install')
    assert.match(gone.stderr, /pods "web-post-install" not found/)
    await hasStarted('web-post-install')
  })

  test('helm get tells what was installed', () => {
    assert.match(helm.ok('get manifest web'), /^kind: PodDisruptionBudget$/m)
    assert.match(helm.ok('get hooks web'), /helm\.sh\/hook: pre-delete/)
    assert.match(helm.ok('get values web'), /^replicas: 2$/m)
    assert.match(helm.ok('get notes web'), /web answers as web\.example\.test with "hello"\./)
    assert.match(helm.ok('get metadata web'), /^STATUS: deployed$/m)
  })

  test('helm test runs the pod of the chart and shows what it said', () => {
    const tested = helm.ok('test web --logs --timeout 60s')
    assert.match(tested, /TEST SUITE: +web-test\n(.*\n)*Phase: +Succeeded/)
    assert.match(tested, /POD LOGS: web-test\n200 hello \/tested/)
  })

  test('an upgrade that changes nothing rolls nothing out', () => {
    const before = pods()
    const version = cluster.ok('-n web get deploy web -o jsonpath={.metadata.generation}')
    helm.ok(`upgrade ${web('web')} --reuse-values --wait --timeout 60s`)
    assert.equal(pods(), before)
    assert.equal(cluster.ok('-n web get deploy web -o jsonpath={.metadata.generation}'), version)
  })

  test('an upgrade of the configuration reaches every pod, and a rollback takes it back', async () => {
    helm.ok(`upgrade ${web('web')} --reuse-values --set greeting=ahoy --wait --timeout 60s`)
    assert.equal(cluster.ok('-n web logs web-post-upgrade'), 'post-upgrade of revision 3\n')
    assert.match(helm.ok('test web --logs --timeout 60s'), /200 ahoy \/tested/)
    await until('the old pods to leave', async () => (await answerOf()) === 'ahoy /\n' || undefined)
    helm.ok('rollback web 2 --wait --timeout 60s')
    assert.match(helm.ok('test web --logs --timeout 60s'), /200 hello \/tested/)
    assert.equal(historyOf(helm, 'web').at(-1), '4 deployed: Rollback to 2')
  })

  test('uninstall runs the last hook and leaves only what Helm keeps', async () => {
    helm.ok('uninstall web --wait --timeout 60s')
    await hasStarted('web-pre-delete')
    const kept = ['pod/web-post-upgrade', 'pod/web-pre-install', 'pod/web-test']
    const left = await until('the pods to leave', () => {
      const names = objectsIn('web')
      return names.length <= kept.length ? names : undefined
    })
    assert.deepEqual(left, kept)
    assert.match(helm.run('status web').stderr, /release: not found/)
  })
})

describe('failures', () => {
  test('an install that fails is taken back with --rollback-on-failure', async () => {
    const helm = createHelm(cluster, 'failed')
    const values = `image=${image('crasher')},taskImage=${image('hello')}`
    const failed = helm.run(
      `install ${web('web')} --create-namespace --set ${values} --rollback-on-failure --timeout 4s`,
    )
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /release web failed, and has been uninstalled due to rollback-on-failure/)
    assert.match(failed.stderr, /resource Deployment\/failed\/web not ready\. status: InProgress/)
    await until('the pods to leave', () => objectsIn('failed').join() === 'pod/web-pre-install' || undefined)
    assert.equal(helm.ok('list -q'), '')
  })

  test('an upgrade that fails, by its pods or its hook, goes back to the last good revision', () => {
    const helm = installWeb('upgrades')
    const generation = () => cluster.ok('-n upgrades get deploy web -o jsonpath={.status.availableReplicas}')
    const flags = '--reuse-values --rollback-on-failure --timeout'
    const pods = helm.run(`upgrade ${web('web')} --set image=${image('crasher')} ${flags} 4s`)
    assert.equal(pods.code, 1)
    assert.match(pods.stderr, /has been rolled back due to rollback-on-failure being set/)
    assert.equal(generation(), '1')
    const hook = helm.run(`upgrade ${web('web')} --set hooks.command={node,-e,process.exit(3)} ${flags} 20s`)
    assert.equal(hook.code, 1)
    assert.match(hook.stderr, /post-upgrade hooks failed: .*pod web-post-upgrade failed/)
    assert.deepEqual(
      historyOf(helm, 'web').map((line) => line.split(':')[0]),
      ['1 superseded', '2 failed', '3 superseded', '4 failed', '5 deployed'],
    )
    assert.equal(cluster.kubectl('-n upgrades get pod web-post-upgrade').code, 1, 'hook-failed deletes it')
    assert.match(helm.ok('test web --logs --timeout 60s'), /200 hello \/tested/)
  })

  test('a field that somebody else has set is a conflict, until forced', () => {
    const helm = installWeb('conflicts')
    const replicas = () => cluster.ok('-n conflicts get deploy web -o jsonpath={.spec.replicas}')
    cluster.ok('-n conflicts scale deploy/web --replicas=3')
    const refused = helm.run(`upgrade ${web('web')} --reuse-values`)
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
    )
    assert.equal(replicas(), '3')
    helm.ok(`upgrade ${web('web')} --reuse-values --force-conflicts`)
    assert.equal(replicas(), '1')
  })

  test('an object that is not of the release is not taken, unless Helm is told to', () => {
    cluster.ok('create ns taken')
    cluster.ok('-n taken create cm web --from-literal=GREETING=mine')
    const helm = createHelm(cluster, 'taken')
    const refused = helm.run(`install ${web('web')} --set ${images}`)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /ConfigMap "web" in namespace "taken" exists and cannot be imported/)
    assert.deepEqual(objectsIn('taken'), ['configmap/web'])
    helm.ok(`install ${web('web')} --set ${images} --take-ownership --force-conflicts`)
    assert.equal(cluster.ok('-n taken get cm web -o jsonpath={.data.GREETING}'), 'hello')
  })

  test('what the API refuses is said of every object', () => {
    const helm = createHelm(cluster, 'refused')
    const refused = helm.run(`install ${web('web')} --create-namespace --set ${images},replicas=-1`)
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /Deployment\.apps "web" is invalid: spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
    )
    assert.match(refused.stderr, /HorizontalPodAutoscaler\.autoscaling "web" is invalid: spec\.minReplicas/)
  })
})

test('a dry run on the server leaves nothing', () => {
  const helm = createHelm(cluster, 'default')
  const planned = helm.ok(`install ${web('dry')} --set ${images} --dry-run=server`)
  assert.match(planned, /STATUS: pending-install/)
  assert.match(planned, /kind: Deployment/)
  assert.equal(cluster.ok('get deploy,cm,secret,pod -o name'), 'configmap/kube-root-ca.crt\n')
})

test('with client-side apply and the older way to wait; uninstalling may keep the history', async () => {
  const helm = createHelm(cluster, 'older')
  const flags = '--server-side=false --wait=legacy --timeout 60s'
  helm.ok(`install ${web('web')} --create-namespace --set ${images},replicas=1 ${flags}`)
  helm.ok(`upgrade ${web('web')} --reuse-values --set greeting=moin ${flags}`)
  assert.match(helm.ok('test web --logs --timeout 60s'), /200 moin \/tested/)
  helm.ok('rollback web 1 --wait=legacy --server-side=false --timeout 60s')
  assert.equal(cluster.ok('-n older get cm web -o jsonpath={.data.GREETING}'), 'hello')
  helm.ok('uninstall web --wait --keep-history')
  assert.equal(helm.ok('list -q --uninstalled'), 'web\n')
  assert.equal(historyOf(helm, 'web').at(-1), '3 uninstalled: Uninstallation complete')
})

test('a StatefulSet with claims for volumes', () => {
  const helm = createHelm(cluster, 'stateful')
  helm.ok(`install db ${chart('stateful')} --create-namespace --set image=${image('hello')}`)
  const claim = '-n stateful get sts db -o jsonpath={.spec.volumeClaimTemplates[0].spec}'
  assert.deepEqual(JSON.parse(cluster.ok(claim)), {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    volumeMode: 'Filesystem',
  })
  assert.equal(cluster.ok('-n stateful get svc db -o jsonpath={.spec.clusterIP}'), 'None')
  helm.ok(`upgrade db ${chart('stateful')} --reuse-values --set replicas=2`)
  assert.equal(cluster.ok('-n stateful get sts db -o jsonpath={.spec.replicas}'), '2')
  const fixed = helm.run(`upgrade db ${chart('stateful')} --reuse-values --set storage=2Gi`)
  assert.equal(fixed.code, 1)
  assert.match(fixed.stderr, /updates to statefulset spec for fields other than 'replicas'/)
  helm.ok('uninstall db --wait')
  assert.equal(cluster.kubectl('-n stateful get sts db').code, 1)
})

test('a kind of its own and an object of it: upgraded, validated, and left when the release goes', () => {
  const helm = createHelm(cluster, 'harbour')
  helm.ok(`install tug ${chart('crd')} --create-namespace --wait --timeout 60s`)
  const boat = () => cluster.ok('-n harbour get boat tug -o jsonpath={.spec}')
  assert.deepEqual(JSON.parse(boat()), { size: 3, colour: 'white' })
  assert.match(cluster.ok('-n harbour get bt'), /^NAME +SIZE\ntug +3\n$/)
  helm.ok(`upgrade tug ${chart('crd')} --set size=4 --wait --timeout 60s`)
  assert.deepEqual(JSON.parse(boat()), { size: 4, colour: 'white' })
  const refused = helm.run(`upgrade tug ${chart('crd')} --set size=0`)
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /Boat\.harbour\.example\.test "tug" is invalid: spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
  )
  helm.ok('rollback tug 1 --wait --timeout 60s')
  assert.deepEqual(JSON.parse(boat()), { size: 3, colour: 'white' })
  helm.ok('uninstall tug --wait --timeout 60s')
  assert.equal(cluster.ok('get boats -A -o name'), '')
  // Helm never removes what a chart has in crds/.
  assert.match(cluster.ok('get crd -o name'), /boats\.harbour\.example\.test/)
})
