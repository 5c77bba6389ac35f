/** Deployments over their life: rollout, scale, history, undo, pause, wait, and the URL that goes on answering. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { goldens } from '../support/golden.ts'
import { ask } from '../support/http.ts'
import { deployment, image, ingress, service, yaml } from '../support/manifests.ts'

let cluster: Cluster
const golden = goldens('rollout', () => cluster)
const host = 'web.localhost'
const greeting = async () => (await ask(`${cluster.gatewayUrl}/x`, { host })).body

before(async () => {
  cluster = await openCluster()
  const web = deployment({ name: 'web', replicas: 1, env: { GREETING: 'one' } })
  cluster.ok('apply -f -', { input: yaml(web, service('web'), ingress('web', host)) })
})
after(() => cluster[Symbol.asyncDispose]())

test('rollout status follows to the end', async () => {
  cluster.ok('rollout status deployment/web --timeout=60s')
  golden('status-done', 'rollout status deployment/web')
  golden('status-no-wait', 'rollout status deployment/web --watch=false')
  golden('status-missing', 'rollout status deployment/nobody')
  golden('wait-available', 'wait --for=condition=Available deployment/web --timeout=30s')
  assert.equal(await until('the URL answers', async () => (await greeting()) || undefined), 'one /x\n')
})

test('scale', async () => {
  golden('scale-up', 'scale deployment/web --replicas=3')
  golden('wait-replicas', 'wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=60s')
  golden('scaled-up', 'get deploy,rs -l app=web')
  golden('scale-precondition-fails', 'scale deployment/web --current-replicas=5 --replicas=1')
  golden('scale-precondition-holds', 'scale deployment/web --current-replicas=3 --replicas=2')
  golden('scale-missing', 'scale deployment/nobody --replicas=1')
  golden('scale-negative', 'scale deployment/web --replicas=-1')
  await until('two are left', () =>
    cluster.ok('get pods -l app=web -o name').trim().split('\n').length === 2 ? true : undefined,
  )
  golden('scaled-down', 'get deployment web')
  golden('logs-of-a-deployment', 'logs deploy/web')
  golden('scale-get', 'get --raw /apis/apps/v1/namespaces/default/deployments/web/scale')
})

test('a new revision replaces the old one while the URL goes on answering', async () => {
  const answers = new Set<string>()
  let isOver = false
  const load = (async () => {
    while (!isOver) answers.add(await greeting())
  })()
  golden('set-env', 'set env deployment/web GREETING=two')
  await using status = cluster.follow('rollout status deployment/web --timeout=60s')
  const { code, stdout } = await status.ended
  assert.equal(code, 0)
  assert.match(stdout, /deployment "web" successfully rolled out\n$/)
  await until('the old revision is gone', () =>
    cluster.ok('get pods -l app=web -o name').trim().split('\n').length === 2 ? true : undefined,
  )
  await until('only the new one answers', async () => ((await greeting()) === 'two /x\n' ? true : undefined))
  isOver = true
  await load
  assert.deepEqual([...answers].toSorted(), ['one /x\n', 'two /x\n'])
  golden('replicasets-after', 'get rs -l app=web --sort-by=.metadata.creationTimestamp')
})

test('history, undo', () => {
  golden('history', 'rollout history deployment/web')
  golden('history-revision', 'rollout history deployment/web --revision=1')
  golden('history-missing-revision', 'rollout history deployment/web --revision=9')
  golden('annotate-cause', "annotate deployment/web 'kubernetes.io/change-cause=second greeting'")
  golden('undo', 'rollout undo deployment/web')
  golden(
    'undo-status',
    'wait --for=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=3 deployment/web --timeout=30s',
  )
  cluster.ok('rollout status deployment/web --timeout=60s')
  golden('undo-env', 'set env deployment/web --list')
  golden('history-after-undo', 'rollout history deployment/web')
  golden('undo-to-missing', 'rollout undo deployment/web --to-revision=9')
  golden('undo-to-present', 'rollout undo deployment/web --to-revision=3')
})

test('pause, resume, restart', () => {
  golden('pause', 'rollout pause deployment/web')
  golden('pause-again', 'rollout pause deployment/web')
  golden('paused-change', 'set env deployment/web GREETING=three')
  cluster.ok(
    'wait --for=jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=DeploymentPaused deployment/web --timeout=30s',
  )
  assert.doesNotMatch(cluster.ok('get rs -l app=web -o jsonpath={..env[0].value}'), /three/)
  golden('restart-paused', 'rollout restart deployment/web')
  golden('undo-paused', 'rollout undo deployment/web')
  golden('resume', 'rollout resume deployment/web')
  golden('resume-again', 'rollout resume deployment/web')
  cluster.ok('rollout status deployment/web --timeout=60s')
  golden('restart', 'rollout restart deployment/web')
  cluster.ok('rollout status deployment/web --timeout=60s')
  golden('history-after-restart', 'rollout history deployment/web')
})

test('a bad revision is told, and the old one goes on', async () => {
  golden('set-image-bad', `set image deployment/web web=${image('crasher')}`)
  await until('the new pod fails', () =>
    /CrashLoopBackOff|Error/.test(cluster.ok('get pods -l app=web')) ? true : undefined,
  )
  golden('status-times-out', 'rollout status deployment/web --timeout=1s')
  assert.match(await greeting(), /^three /)
  golden('undo-bad', 'rollout undo deployment/web')
  cluster.ok('rollout status deployment/web --timeout=60s')
})

test('progressDeadlineSeconds passes', () => {
  const late = deployment({
    name: 'late',
    app: 'slow',
    env: { START_FILE: '/nowhere' },
    spec: { progressDeadlineSeconds: 1 },
  })
  cluster.ok('apply -f -', { input: yaml(late) })
  golden('deadline-exceeded', 'rollout status deployment/late --timeout=30s')
  golden('deadline-condition', 'wait --for=condition=Progressing=False deployment/late --timeout=30s')
  cluster.ok('delete deployment late')
})

test('wait', async () => {
  golden('wait-timeout', 'wait --for=condition=Sinking deployment/web --timeout=1s')
  golden('wait-missing', 'wait --for=condition=Ready pod/nobody --timeout=1s')
  golden('wait-none-selected', 'wait --for=condition=Ready pod -l app=nobody --timeout=1s')
  golden('wait-delete-missing', 'wait --for=delete pod/nobody --timeout=1s')
  golden('wait-delete-timeout', 'wait --for=delete deployment/web --timeout=1s')
  golden('wait-bad-condition', 'wait --for=nothing deployment/web')
  await using waiting = cluster.follow('wait --for=delete deployment/web --timeout=60s')
  await using created = cluster.follow('wait --for=create configmap/later --timeout=60s')
  cluster.ok('create configmap later')
  golden('delete', 'delete deployment web --cascade=foreground')
  assert.equal((await waiting.ended).code, 0)
  assert.deepEqual(await created.ended, { code: 0, stdout: 'configmap/later condition met\n', stderr: '' })
})

test('without an app the URL says so', async () => {
  const answer = await until('its pods are gone', async () => {
    const got = await ask(`${cluster.gatewayUrl}/x`, { host })
    return got.status === 503 ? got : undefined
  })
  assert.match(answer.body, /^503 no-endpoints: No pod is ready to serve this route/)
  assert.equal((await ask(`${cluster.gatewayUrl}/x`, { host: 'unknown.localhost' })).status, 404)
})
