/** What kubectl writes: create, apply, diff, edit, patch, label, annotate, replace, set, expose, delete. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCluster, type Cluster } from '../support/cluster.ts'
import { goldens } from '../support/golden.ts'
import { configMap, deployment, image, pod, service, yaml } from '../support/manifests.ts'

let cluster: Cluster
const golden = goldens('write', () => cluster)
const folder = mkdtempSync(join(tmpdir(), 'sampan-write-'))

before(async () => void (cluster = await openCluster()))
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** An editor for `kubectl edit`: sed with this script. */
function editor(name: string, script: string): NodeJS.ProcessEnv {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\nexec sed -i '${script}' "$1"\n`)
  chmodSync(path, 0o755)
  return { KUBE_EDITOR: path }
}

test('create', () => {
  golden('create-namespace', 'create namespace shop')
  golden('create-namespace-again', 'create namespace shop')
  golden('create-configmap', 'create configmap colours --from-literal=sky=blue --from-literal=sea=green')
  golden('create-secret', 'create secret generic keys --from-literal=token=abc')
  golden('create-secret-tls-bad', 'create secret tls pair --cert=/dev/null --key=/dev/null')
  golden('create-serviceaccount', 'create serviceaccount robot')
  golden('create-deployment', `create deployment made --image=${image('hello')} --port=3000 --replicas=0`)
  golden('create-service', 'create service clusterip plain --tcp=80:3000')
  golden('create-service-nodeport', 'create service nodeport open --tcp=80:3000 --node-port=30080')
  golden('create-ingress', "create ingress made --rule='made.localhost/*=made:80'")
  golden('create-file', 'create -f -', { input: yaml(configMap('filed', { a: '1' })) })
  golden('create-file-again', 'create -f -', { input: yaml(configMap('filed', { a: '1' })) })
  golden('create-output-yaml', 'create configmap shown --from-literal=a=b -o yaml')
  golden('create-dry-run-client', 'create configmap dry --from-literal=a=b --dry-run=client -o yaml')
  golden('create-dry-run-server', 'create configmap dry --from-literal=a=b --dry-run=server')
  golden('create-dry-run-left-nothing', 'get configmap dry')
  golden('create-generated-name', 'create -f - -o jsonpath={.metadata.generateName}', {
    input: yaml({ ...configMap('', {}), metadata: { generateName: 'many-' } }),
  })
  golden('create-in-missing-namespace', 'create configmap lost -n nowhere')
})

test('apply', () => {
  const web = deployment({ name: 'web', replicas: 0 })
  golden('apply-created', 'apply -f -', { input: yaml(web, service('web')) })
  golden('apply-unchanged', 'apply -f -', { input: yaml(web, service('web')) })
  const greeting = { replicas: 0, env: { GREETING: 'ahoy', DEBUG: '1' } }
  golden('apply-diff', 'diff -f -', {
    input: yaml(deployment({ name: 'web', ...greeting })),
  })
  golden('apply-configured', 'apply -f -', { input: yaml(deployment({ name: 'web', ...greeting })) })
  golden('apply-diff-none', 'diff -f -', { input: yaml(deployment({ name: 'web', ...greeting })) })
  golden('apply-env-added', 'get deploy web -o jsonpath={.spec.template.spec.containers[0].env}')
  golden('apply-removes-field', 'apply -f -', {
    input: yaml(deployment({ name: 'web', replicas: 0, env: { GREETING: 'ahoy' } })),
  })
  golden('apply-field-is-gone', 'get deploy web -o jsonpath={.spec.template.spec.containers[0].env}')
  golden('apply-dry-run-server', 'apply --dry-run=server -f -', { input: yaml(web) })
  golden('apply-last-applied', 'apply view-last-applied service/web')
  golden('apply-keeps-others-fields', 'apply -f - -o jsonpath={.data}', {
    input: yaml(configMap('filed', { b: '2' })),
  })
  golden('apply-immutable-selector', 'apply -f -', {
    input: yaml({ ...web, spec: { ...web.spec, selector: { matchLabels: { app: 'other' } } } }),
  })
})

test('edit', () => {
  golden('edit-changes', 'edit configmap colours', { env: editor('blue', 's/blue/grey/') })
  golden('edit-result', 'get cm colours -o jsonpath={.data}')
  golden('edit-nothing', 'edit configmap colours', { env: editor('nothing', '') })
  golden('edit-deployment', 'edit deployment web', {
    env: editor('limit', 's/revisionHistoryLimit: 10/revisionHistoryLimit: 3/'),
  })
  golden('edit-missing', 'edit configmap nobody', { env: editor('nothing', '') })
})

test('patch', () => {
  golden(
    'patch-strategic',
    `patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"EXTRA","value":"1"}]}]}}}}'`,
  )
  golden(
    'patch-strategic-merged',
    'get deploy web -o jsonpath={.spec.template.spec.containers[0].env[*].name}',
  )
  golden('patch-unchanged', `patch deployment web -p '{"spec":{"replicas":0}}'`)
  golden(
    'patch-merge',
    `patch configmap colours --type=merge -p '{"data":{"sky":null,"sun":"yellow"}}' -o jsonpath={.data}`,
  )
  golden(
    'patch-json',
    `patch configmap colours --type=json -p '[{"op":"replace","path":"/data/sun","value":"red"}]'`,
  )
  golden(
    'patch-json-missing-path',
    `patch configmap colours --type=json -p '[{"op":"replace","path":"/data/moon","value":"red"}]'`,
  )
  golden(
    'patch-json-test-fails',
    `patch configmap colours --type=json -p '[{"op":"test","path":"/data/sun","value":"blue"}]'`,
  )
  golden('patch-malformed', `patch configmap colours -p '{"data":'`)
  golden('patch-missing', `patch configmap nobody -p '{"data":{}}'`)
  golden('patch-invalid', `patch deployment web -p '{"spec":{"replicas":-1}}'`)
  golden('patch-wrong-type', `patch deployment web -p '{"spec":{"replicas":"many"}}'`)
  golden('patch-scale', `patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":0}}'`)
  golden(
    'patch-status',
    `patch deployment web --subresource=status --type=merge -p '{"status":{"observedGeneration":1}}'`,
  )
})

test('labels and annotations', () => {
  golden('label', 'label configmap colours tier=front')
  golden('label-refused', 'label configmap colours tier=back')
  golden('label-overwrite', 'label configmap colours tier=back --overwrite')
  golden('label-unchanged', 'label configmap colours tier=back')
  golden('label-list', 'label configmap colours --list')
  golden('label-remove', 'label configmap colours tier-')
  golden('label-all', 'label configmaps --all seen=yes')
  golden('label-bad-value', `label configmap colours 'tier=not good'`)
  golden('annotate', `annotate configmap colours 'note=painted twice'`)
  golden('annotate-remove', 'annotate configmap colours note-')
  golden('annotate-result', 'get cm colours -o jsonpath={.metadata.annotations}')
})

test('replace', () => {
  golden('replace', 'replace -f -', { input: yaml(configMap('filed', { c: '3' })) })
  golden('replace-result', 'get cm filed -o jsonpath={.data}')
  golden('replace-missing', 'replace -f -', { input: yaml(configMap('nobody', {})) })
  const stale = { ...configMap('filed', {}), metadata: { name: 'filed', resourceVersion: '1' } }
  golden('replace-conflict', 'replace -f -', { input: yaml(stale) })
  golden('replace-force', 'replace --force -f -', { input: yaml(configMap('filed', { d: '4' })) })
})

test('set, expose, run', () => {
  golden('set-image', `set image deployment/web web=${image('logger')}`)
  golden('set-image-unknown-container', `set image deployment/web mast=${image('logger')}`)
  golden('set-env', 'set env deployment/web COLOUR=red GREETING-')
  golden('set-env-list', 'set env deployment/web --list')
  golden('set-resources', 'set resources deployment web --limits=cpu=200m,memory=64Mi')
  golden('set-selector', 'set selector service plain app=web')
  golden('expose', 'expose deployment web --name=exposed --port=80 --target-port=3000')
  golden('expose-again', 'expose deployment web --name=exposed --port=80')
  golden('expose-result', 'get svc exposed -o jsonpath={.spec.ports}{.spec.selector}')
  // kubectl itself takes OCI references only: another image comes in by --overrides.
  golden('run-refuses-image', `run quick --image=${image('hello')}`)
  const spec = { containers: [{ name: 'quick', image: image('hello') }] }
  const run = `--image=placeholder --override-type=strategic --overrides='${JSON.stringify({ spec })}'`
  golden('run', `run quick ${run} --port=3000 --env=GREETING=hi`)
  golden('run-again', `run quick ${run}`)
  golden('run-dry', `run dry --image=placeholder --dry-run=client -o yaml`)
})

test('delete', () => {
  golden('delete-one', 'delete configmap filed')
  golden('delete-missing', 'delete configmap filed')
  golden('delete-missing-ignored', 'delete configmap filed --ignore-not-found')
  golden('delete-several', 'delete secret/keys sa/robot ingress/made')
  golden('delete-by-label', 'delete service -l app=web')
  golden('delete-by-label-none', 'delete service -l app=nobody')
  golden('delete-dry-run', 'delete cm colours --dry-run=server')
  golden('delete-file', 'delete -f -', { input: yaml(configMap('shown', {})) })
  golden('delete-all', 'delete configmaps --all')
  golden('delete-unknown-kind', 'delete sloop x')
  golden('delete-without-name', 'delete configmap')
})

test('delete pods', () => {
  cluster.ok('wait --for=condition=Ready pod/quick --timeout=60s')
  golden('delete-pod', 'delete pod quick')
  golden('delete-pod-gone', 'get pod quick')
  cluster.ok('apply -f -', {
    input: yaml(
      pod('grumpy', 'stubborn', { spec: { terminationGracePeriodSeconds: 1 } }),
      pod('doomed', 'stubborn', { spec: { terminationGracePeriodSeconds: 5 } }),
    ),
  })
  cluster.ok('wait --for=condition=Ready pod/grumpy pod/doomed --timeout=60s')
  golden('delete-pod-after-grace', 'delete pod grumpy --wait=true')
  golden('delete-pod-no-wait', 'delete pod doomed --wait=false')
  golden('delete-pod-terminating', 'get pod doomed')
  golden('delete-pod-force', 'delete pod doomed --grace-period=0 --force')
  golden('delete-pod-force-gone', 'wait --for=delete pod/doomed --timeout=20s')
})

test('cascades', () => {
  const boats = deployment({ name: 'boats', replicas: 1 })
  const apply = () => {
    cluster.ok('apply -f -', { input: yaml(boats) })
    cluster.ok('rollout status deployment/boats --timeout=60s')
  }
  apply()
  golden('delete-orphan', 'delete deployment boats --cascade=orphan')
  golden(
    'delete-orphan-keeps',
    'get rs -l app=boats -o jsonpath={.items[*].spec.replicas}{.items[*].metadata.ownerReferences}',
  )
  apply() // adopts
  golden(
    'delete-orphan-adopted',
    'get rs -l app=boats -o jsonpath={.items[*].metadata.ownerReferences[0].name}',
  )
  golden('delete-foreground', 'delete deployment boats --cascade=foreground --timeout=60s')
  golden('delete-foreground-all-gone', 'get rs,pods -l app=boats')
  apply()
  golden('delete-background', 'delete deployment boats')
  cluster.ok('wait --for=delete pod -l app=boats --timeout=60s')
  golden('delete-background-pods-follow', 'get rs,pods -l app=boats')
})

test('a namespace goes with all that is in it', () => {
  cluster.ok('apply -n shop -f -', { input: yaml(configMap('a', {}), deployment({ name: 'web' })) })
  golden('delete-namespace', 'delete namespace shop --timeout=60s')
  golden('delete-namespace-gone', 'get all -n shop')
  golden('delete-namespace-kept', 'delete namespace default')
  assert.equal(cluster.kubectl('get ns default').code, 0)
})
