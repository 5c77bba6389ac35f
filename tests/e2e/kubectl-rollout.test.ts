/** Deployments over their life: rollout, scale, history, undo, pause, wait, and the URL that goes on answering. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/cluster.ts'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { ask } from '../support/http.ts'
import { deployment, image, ingress, service, yaml } from '../support/manifests.ts'

const host = 'web.localhost'
const web = deployment({ name: 'web', replicas: 1, env: { GREETING: 'one' } })

everyKubectl({
  folder: 'rollout',
  prepare: ({ ok }) => ok('apply -f -', { input: yaml(web, service('web'), ingress('web', host)) }),
  define,
})

function define(suite: Suite): void {
  const { golden, ok } = suite
  const greeting = async () => (await ask(`${suite.cluster.gatewayUrl}/x`, { host })).body
  const podsLeft = async () => (await ok('get pods -l app=web -o name')).trim().split('\n').length

  test('rollout status follows to the end', async () => {
    await ok('rollout status deployment/web --timeout=60s')
    await golden('status-done', 'rollout status deployment/web')
    await golden('status-no-wait', 'rollout status deployment/web --watch=false')
    await golden('status-missing', 'rollout status deployment/nobody')
    await golden('wait-available', 'wait --for=condition=Available deployment/web --timeout=30s')
    assert.equal(await until('the URL answers', async () => (await greeting()) || undefined), 'one /x\n')
  })

  test('scale', async () => {
    await golden('scale-up', 'scale deployment/web --replicas=3')
    await golden(
      'wait-replicas',
      'wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=60s',
    )
    await golden('scaled-up', 'get deploy,rs -l app=web')
    await golden('scale-precondition-fails', 'scale deployment/web --current-replicas=5 --replicas=1')
    await golden('scale-precondition-holds', 'scale deployment/web --current-replicas=3 --replicas=2')
    await golden('scale-missing', 'scale deployment/nobody --replicas=1')
    await golden('scale-negative', 'scale deployment/web --replicas=-1')
    await until('two are left', async () => (await podsLeft()) === 2 || undefined)
    await golden('scaled-down', 'get deployment web')
    await golden('logs-of-a-deployment', 'logs deploy/web')
    await golden('scale-get', 'get --raw /apis/apps/v1/namespaces/default/deployments/web/scale')
  })

  test('a new revision replaces the old one while the URL goes on answering', async () => {
    const answers = new Set<string>()
    let isOver = false
    const load = (async () => {
      while (!isOver) answers.add(await greeting())
    })()
    await golden('set-env', 'set env deployment/web GREETING=two')
    await using status = suite.cluster.follow('rollout status deployment/web --timeout=60s')
    const { code, stdout } = await status.ended
    assert.equal(code, 0)
    assert.match(stdout, /deployment "web" successfully rolled out\n$/)
    await until('the old revision is gone', async () => (await podsLeft()) === 2 || undefined)
    await until('only the new one answers', async () =>
      (await greeting()) === 'two /x\n' ? true : undefined,
    )
    isOver = true
    await load
    assert.deepEqual([...answers].toSorted(), ['one /x\n', 'two /x\n'])
    await golden('replicasets-after', 'get rs -l app=web --sort-by=.metadata.creationTimestamp')
  })

  test('history, undo', async () => {
    await golden('history', 'rollout history deployment/web')
    await golden('history-revision', 'rollout history deployment/web --revision=1')
    await golden('history-missing-revision', 'rollout history deployment/web --revision=9')
    await golden('annotate-cause', "annotate deployment/web 'kubernetes.io/change-cause=second greeting'")
    await golden('undo', 'rollout undo deployment/web')
    await golden(
      'undo-status',
      'wait --for=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=3 deployment/web --timeout=30s',
    )
    await ok('rollout status deployment/web --timeout=60s')
    await golden('undo-env', 'set env deployment/web --list')
    await golden('history-after-undo', 'rollout history deployment/web')
    await golden('undo-to-missing', 'rollout undo deployment/web --to-revision=9')
    await golden('undo-to-present', 'rollout undo deployment/web --to-revision=3')
  })

  test('pause, resume, restart', async () => {
    await golden('pause', 'rollout pause deployment/web')
    await golden('pause-again', 'rollout pause deployment/web')
    await golden('paused-change', 'set env deployment/web GREETING=three')
    const progress = 'get deployment web -o jsonpath={.status.conditions[?(@.type=="Progressing")].reason}'
    await until('it is paused', async () => (await ok(progress)) === 'DeploymentPaused' || undefined)
    assert.doesNotMatch(await ok('get rs -l app=web -o jsonpath={..env[0].value}'), /three/)
    await golden('restart-paused', 'rollout restart deployment/web')
    await golden('undo-paused', 'rollout undo deployment/web')
    await golden('resume', 'rollout resume deployment/web')
    await golden('resume-again', 'rollout resume deployment/web')
    await ok('rollout status deployment/web --timeout=60s')
    await golden('restart', 'rollout restart deployment/web')
    await ok('rollout status deployment/web --timeout=60s')
    await golden('history-after-restart', 'rollout history deployment/web')
  })

  test('a bad revision is told, and the old one goes on', async () => {
    await golden('set-image-bad', `set image deployment/web web=${image('crasher')}`)
    await until(
      'the new pod fails',
      async () => /CrashLoopBackOff|Error/.test(await ok('get pods -l app=web')) || undefined,
    )
    await golden('status-times-out', 'rollout status deployment/web --timeout=1s')
    assert.match(await greeting(), /^three /)
    await golden('undo-bad', 'rollout undo deployment/web')
    await ok('rollout status deployment/web --timeout=60s')
  })

  test('progressDeadlineSeconds passes', async () => {
    const late = deployment({
      name: 'late',
      app: 'slow',
      env: { START_FILE: '/nowhere' },
      spec: { progressDeadlineSeconds: 4 }, // long enough for kubectl to come and see it wait
    })
    await ok('apply -f -', { input: yaml(late) })
    await golden('deadline-exceeded', 'rollout status deployment/late --timeout=30s')
    await golden('deadline-condition', 'wait --for=condition=Progressing=False deployment/late --timeout=30s')
    await ok('delete deployment late')
  })

  test('wait', async () => {
    await golden('wait-timeout', 'wait --for=condition=Sinking deployment/web --timeout=1s')
    await golden('wait-missing', 'wait --for=condition=Ready pod/nobody --timeout=1s')
    await golden('wait-none-selected', 'wait --for=condition=Ready pod -l app=nobody --timeout=1s')
    await golden('wait-delete-missing', 'wait --for=delete pod/nobody --timeout=1s')
    await golden('wait-delete-timeout', 'wait --for=delete deployment/web --timeout=1s')
    await golden('wait-bad-condition', 'wait --for=nothing deployment/web')
    await using waiting = suite.cluster.follow('wait --for=delete deployment/web --timeout=60s')
    await using created = suite.cluster.follow('wait --for=create configmap/later --timeout=60s')
    await ok('create configmap later')
    await golden('delete', 'delete deployment web --cascade=foreground')
    assert.equal((await waiting.ended).code, 0)
    const { code, stdout } = await created.ended
    // What doesn't exist yet is nothing that kubectl 1.28 can wait for.
    if (suite.version !== '1.28') assert.deepEqual([code, stdout], [0, 'configmap/later condition met\n'])
  })

  test('without an app the URL says so', async () => {
    const answer = await until('its pods are gone', async () => {
      const got = await ask(`${suite.cluster.gatewayUrl}/x`, { host })
      return got.status === 503 ? got : undefined
    })
    assert.match(answer.body, /^503 no-endpoints: No pod is ready to serve this route/)
    assert.equal((await ask(`${suite.cluster.gatewayUrl}/x`, { host: 'unknown.localhost' })).status, 404)
  })
}
