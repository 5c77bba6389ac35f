/** What kubectl writes: create, apply, diff, edit, patch, label, annotate, replace, set, expose, delete. */
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { configMap, deployment, image, pod, service, yaml } from '../support/manifests.ts'

everyKubectl({ folder: 'write', define })

function define(suite: Suite): void {
  const { golden, ok, kubectl } = suite

  /** An editor for `kubectl edit`: sed with this script. */
  function editor(name: string, script: string): NodeJS.ProcessEnv {
    const path = join(suite.cluster.dataDir, name)
    writeFileSync(path, `#!/bin/sh\nexec sed -i '${script}' "$1"\n`)
    chmodSync(path, 0o755)
    return { KUBE_EDITOR: path }
  }

  test('create', async () => {
    await golden('create-namespace', 'create namespace shop')
    await golden('create-namespace-again', 'create namespace shop')
    await golden(
      'create-configmap',
      'create configmap colours --from-literal=sky=blue --from-literal=sea=green',
    )
    await golden('create-secret', 'create secret generic keys --from-literal=token=abc')
    await golden('create-secret-tls-bad', 'create secret tls pair --cert=/dev/null --key=/dev/null')
    await golden('create-serviceaccount', 'create serviceaccount robot')
    await golden(
      'create-deployment',
      `create deployment made --image=${image('hello')} --port=3000 --replicas=0`,
    )
    await golden('create-service', 'create service clusterip plain --tcp=80:3000')
    await golden('create-service-nodeport', 'create service nodeport open --tcp=80:3000 --node-port=30080')
    await golden('create-ingress', "create ingress made --rule='made.localhost/*=made:80'")
    await golden('create-file', 'create -f -', { input: yaml(configMap('filed', { a: '1' })) })
    await golden('create-file-again', 'create -f -', { input: yaml(configMap('filed', { a: '1' })) })
    await golden('create-output-yaml', 'create configmap shown --from-literal=a=b -o yaml')
    await golden('create-dry-run-client', 'create configmap dry --from-literal=a=b --dry-run=client -o yaml')
    await golden('create-dry-run-server', 'create configmap dry --from-literal=a=b --dry-run=server')
    await golden('create-dry-run-left-nothing', 'get configmap dry')
    await golden('create-generated-name', 'create -f - -o jsonpath={.metadata.generateName}', {
      input: yaml({ ...configMap('', {}), metadata: { generateName: 'many-' } }),
    })
    await golden('create-in-missing-namespace', 'create configmap lost -n nowhere')
  })

  test('apply', async () => {
    const web = deployment({ name: 'web', replicas: 0 })
    await golden('apply-created', 'apply -f -', { input: yaml(web, service('web')) })
    await golden('apply-unchanged', 'apply -f -', { input: yaml(web, service('web')) })
    const greeting = { replicas: 0, env: { GREETING: 'ahoy', DEBUG: '1' } }
    await golden('apply-diff', 'diff -f -', {
      input: yaml(deployment({ name: 'web', ...greeting })),
    })
    await golden('apply-configured', 'apply -f -', { input: yaml(deployment({ name: 'web', ...greeting })) })
    await golden('apply-diff-none', 'diff -f -', { input: yaml(deployment({ name: 'web', ...greeting })) })
    await golden('apply-env-added', 'get deploy web -o jsonpath={.spec.template.spec.containers[0].env}')
    await golden('apply-removes-field', 'apply -f -', {
      input: yaml(deployment({ name: 'web', replicas: 0, env: { GREETING: 'ahoy' } })),
    })
    await golden('apply-field-is-gone', 'get deploy web -o jsonpath={.spec.template.spec.containers[0].env}')
    await golden('apply-dry-run-server', 'apply --dry-run=server -f -', { input: yaml(web) })
    await golden('apply-last-applied', 'apply view-last-applied service/web')
    await golden('apply-keeps-others-fields', 'apply -f - -o jsonpath={.data}', {
      input: yaml(configMap('filed', { b: '2' })),
    })
    await golden('apply-immutable-selector', 'apply -f -', {
      input: yaml({ ...web, spec: { ...web.spec, selector: { matchLabels: { app: 'other' } } } }),
    })
  })

  test('edit', async () => {
    await golden('edit-changes', 'edit configmap colours', { env: editor('blue', 's/blue/grey/') })
    await golden('edit-result', 'get cm colours -o jsonpath={.data}')
    await golden('edit-nothing', 'edit configmap colours', { env: editor('nothing', '') })
    await golden('edit-deployment', 'edit deployment web', {
      env: editor('limit', 's/revisionHistoryLimit: 10/revisionHistoryLimit: 3/'),
    })
    await golden('edit-missing', 'edit configmap nobody', { env: editor('nothing', '') })
  })

  test('patch', async () => {
    await golden(
      'patch-strategic',
      `patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"EXTRA","value":"1"}]}]}}}}'`,
    )
    await golden(
      'patch-strategic-merged',
      'get deploy web -o jsonpath={.spec.template.spec.containers[0].env[*].name}',
    )
    await golden('patch-unchanged', `patch deployment web -p '{"spec":{"replicas":0}}'`)
    await golden(
      'patch-merge',
      `patch configmap colours --type=merge -p '{"data":{"sky":null,"sun":"yellow"}}' -o jsonpath={.data}`,
    )
    await golden(
      'patch-json',
      `patch configmap colours --type=json -p '[{"op":"replace","path":"/data/sun","value":"red"}]'`,
    )
    await golden(
      'patch-json-missing-path',
      `patch configmap colours --type=json -p '[{"op":"replace","path":"/data/moon","value":"red"}]'`,
    )
    await golden(
      'patch-json-test-fails',
      `patch configmap colours --type=json -p '[{"op":"test","path":"/data/sun","value":"blue"}]'`,
    )
    await golden('patch-malformed', `patch configmap colours -p '{"data":'`)
    await golden('patch-missing', `patch configmap nobody -p '{"data":{}}'`)
    await golden('patch-invalid', `patch deployment web -p '{"spec":{"replicas":-1}}'`)
    await golden('patch-wrong-type', `patch deployment web -p '{"spec":{"replicas":"many"}}'`)
    await golden(
      'patch-scale',
      `patch deployment web --subresource=scale --type=merge -p '{"spec":{"replicas":0}}'`,
    )
    await golden(
      'patch-status',
      `patch deployment web --subresource=status --type=merge -p '{"status":{"observedGeneration":1}}'`,
    )
  })

  test('labels and annotations', async () => {
    await golden('label', 'label configmap colours tier=front')
    await golden('label-refused', 'label configmap colours tier=back')
    await golden('label-overwrite', 'label configmap colours tier=back --overwrite')
    await golden('label-unchanged', 'label configmap colours tier=back')
    await golden('label-list', 'label configmap colours --list')
    await golden('label-remove', 'label configmap colours tier-')
    await golden('label-all', 'label configmaps --all seen=yes')
    await golden('label-bad-value', `label configmap colours 'tier=not good'`)
    await golden('annotate', `annotate configmap colours 'note=painted twice'`)
    await golden('annotate-remove', 'annotate configmap colours note-')
    await golden('annotate-result', 'get cm colours -o jsonpath={.metadata.annotations}')
  })

  test('replace', async () => {
    await golden('replace', 'replace -f -', { input: yaml(configMap('filed', { c: '3' })) })
    await golden('replace-result', 'get cm filed -o jsonpath={.data}')
    await golden('replace-missing', 'replace -f -', { input: yaml(configMap('nobody', {})) })
    const stale = { ...configMap('filed', {}), metadata: { name: 'filed', resourceVersion: '1' } }
    await golden('replace-conflict', 'replace -f -', { input: yaml(stale) })
    await golden('replace-force', 'replace --force -f -', { input: yaml(configMap('filed', { d: '4' })) })
  })

  test('set, expose, run', async () => {
    await golden('set-image', `set image deployment/web web=${image('logger')}`)
    await golden('set-image-unknown-container', `set image deployment/web mast=${image('logger')}`)
    await golden('set-env', 'set env deployment/web COLOUR=red GREETING-')
    await golden('set-env-list', 'set env deployment/web --list')
    await golden('set-resources', 'set resources deployment web --limits=cpu=200m,memory=64Mi')
    await golden('set-selector', 'set selector service plain app=web')
    await golden('expose', 'expose deployment web --name=exposed --port=80 --target-port=3000')
    await golden('expose-again', 'expose deployment web --name=exposed --port=80')
    await golden('expose-result', 'get svc exposed -o jsonpath={.spec.ports}{.spec.selector}')
    // kubectl itself takes OCI references only: npm/NAME:VERSION has their form, another image comes in by --overrides.
    await golden('run-refuses-image', `run quick --image=${image('hello')}`)
    const spec = { containers: [{ name: 'quick', image: image('hello') }] }
    const run = `--image=placeholder --override-type=strategic --overrides='${JSON.stringify({ spec })}'`
    await golden('run', `run quick ${run} --port=3000 --env=GREETING=hi`)
    await golden('run-again', `run quick ${run}`)
    await golden('run-package', 'run packaged --image=npm/http-server:14.1.1 --dry-run=server')
    await golden('run-dry', `run dry --image=placeholder --dry-run=client -o yaml`)
  })

  test('delete', async () => {
    await golden('delete-one', 'delete configmap filed')
    await golden('delete-missing', 'delete configmap filed')
    await golden('delete-missing-ignored', 'delete configmap filed --ignore-not-found')
    await golden('delete-several', 'delete secret/keys sa/robot ingress/made')
    await golden('delete-by-label', 'delete service -l app=web')
    await golden('delete-by-label-none', 'delete service -l app=nobody')
    await golden('delete-dry-run', 'delete cm colours --dry-run=server')
    await golden('delete-file', 'delete -f -', { input: yaml(configMap('shown', {})) })
    await golden('delete-all', 'delete configmaps --all')
    await golden('delete-unknown-kind', 'delete sloop x')
    await golden('delete-without-name', 'delete configmap')
  })

  test('delete pods', async () => {
    await ok('wait --for=condition=Ready pod/quick --timeout=60s')
    await golden('delete-pod', 'delete pod quick')
    await golden('delete-pod-gone', 'get pod quick')
    await ok('apply -f -', {
      input: yaml(
        pod('grumpy', 'stubborn', { spec: { terminationGracePeriodSeconds: 1 } }),
        pod('doomed', 'stubborn', { spec: { terminationGracePeriodSeconds: 60 } }),
      ),
    })
    await ok('wait --for=condition=Ready pod/grumpy pod/doomed --timeout=60s')
    await golden('delete-pod-after-grace', 'delete pod grumpy --wait=true')
    await golden('delete-pod-no-wait', 'delete pod doomed --wait=false')
    await golden('delete-pod-terminating', 'get pod doomed')
    await golden('delete-pod-force', 'delete pod doomed --grace-period=0 --force')
    await golden('delete-pod-force-gone', 'wait --for=delete pod/doomed --timeout=20s')
  })

  test('cascades', async () => {
    const boats = deployment({ name: 'boats', replicas: 1 })
    const apply = async () => {
      await ok('apply -f -', { input: yaml(boats) })
      await ok('rollout status deployment/boats --timeout=60s')
    }
    await apply()
    await golden('delete-orphan', 'delete deployment boats --cascade=orphan')
    await golden(
      'delete-orphan-keeps',
      'get rs -l app=boats -o jsonpath={.items[*].spec.replicas}{.items[*].metadata.ownerReferences}',
    )
    await apply() // adopts
    await golden(
      'delete-orphan-adopted',
      'get rs -l app=boats -o jsonpath={.items[*].metadata.ownerReferences[0].name}',
    )
    await golden('delete-foreground', 'delete deployment boats --cascade=foreground --timeout=60s')
    await golden('delete-foreground-all-gone', 'get rs,pods -l app=boats')
    await apply()
    await golden('delete-background', 'delete deployment boats')
    await ok('wait --for=delete pod -l app=boats --timeout=60s')
    await golden('delete-background-pods-follow', 'get rs,pods -l app=boats')
  })

  test('a namespace goes with all that is in it', async () => {
    await ok('apply -n shop -f -', { input: yaml(configMap('a', {}), deployment({ name: 'web' })) })
    await golden('delete-namespace', 'delete namespace shop --timeout=60s')
    await golden('delete-namespace-gone', 'get all -n shop')
    await golden('delete-namespace-kept', 'delete namespace default')
    assert.equal((await kubectl('get ns default')).code, 0)
  })
}
