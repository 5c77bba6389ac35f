/** The less used half of kubectl's writing verbs: every generator, the apply family, kustomize, and what flags change. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { configMap, deployment, image, service, yaml } from '../support/manifests.ts'

everyKubectl({ folder: 'verbs', define })

function define(suite: Suite): void {
  const { golden, ok, kubectl } = suite

  /** Writes a file into a folder of the test's own; answers its path. */
  const file = (name: string, text: string): string => {
    const path = join(suite.cluster.dataDir, 'files', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }
  /** An editor for `kubectl edit`: sed with this script. */
  const editor = (name: string, script: string): NodeJS.ProcessEnv => {
    const path = file(name, `#!/bin/sh\nexec sed -i '${script}' "$1"\n`)
    chmodSync(path, 0o755)
    return { KUBE_EDITOR: path }
  }

  const fleet = () => join(suite.cluster.dataDir, 'files', 'fleet')

  test('create secrets and configmaps from files', async () => {
    const colours = file('colours/sky', 'blue\n')
    file('colours/sea', 'green\n')
    const settings = file('settings.env', '# comment\nMODE=fast\n\nLEVEL=3\n')
    await golden('create-configmap-file', `create configmap one-file --from-file=${colours} -o yaml`)
    await golden('create-configmap-key', `create configmap keyed --from-file=colour=${colours}`)
    await golden('create-configmap-folder', `create configmap folder --from-file=${dirname(colours)}`)
    await golden('create-configmap-folder-result', 'get cm folder -o jsonpath={.data}')
    await golden('create-configmap-env', `create configmap env --from-env-file=${settings}`)
    await golden('create-configmap-env-result', 'get cm env -o jsonpath={.data}')
    await golden('create-configmap-missing-file', 'create configmap lost --from-file=/no/such/file')
    await golden('create-configmap-bad-key', 'create configmap bad --from-literal=not/good=1')
    await golden('create-configmap-hash', 'create configmap hashed --append-hash --from-literal=a=b')
    await golden('create-secret-file', `create secret generic filed --from-file=${colours}`)
    await golden(
      'create-secret-type',
      'create secret generic typed --type=example.com/key --from-literal=a=b -o yaml',
    )
    await golden(
      'create-secret-two-sources',
      `create secret generic both --from-file=${colours} --from-env-file=${settings}`,
    )
    const pki = join(suite.cluster.dataDir, 'pki')
    await golden(
      'create-secret-tls',
      `create secret tls pair --cert=${join(pki, 'ca.crt')} --key=${join(pki, 'ca.key')}`,
    )
    await golden('create-secret-tls-type', 'get secret pair -o jsonpath={.type}')
    await golden('create-secret-tls-missing', 'create secret tls lost --cert=/no/such --key=/no/such')
    await golden(
      'create-secret-docker-registry',
      'create secret docker-registry pull --docker-server=registry.example.com --docker-username=ann --docker-password=secret',
    )
    await golden('create-secret-docker-registry-type', 'get secret pull -o jsonpath={.type}{.data}')
  })

  test('create services, accounts, roles, tokens', async () => {
    await golden('create-service-externalname', 'create service externalname far --external-name=example.com')
    await golden('get-service-externalname', 'get service far')
    await golden('create-service-loadbalancer', 'create service loadbalancer balanced --tcp=80:3000')
    await golden(
      'get-service-loadbalancer',
      'get service balanced -o jsonpath={.spec.type}{.spec.ports[0].port}',
    )
    await golden('create-service-headless', 'create service clusterip headless --clusterip=None --tcp=80')
    await golden('create-service-two-ports', 'create service clusterip two --tcp=80:3000 --tcp=443:3001')
    await golden('create-service-bad-port', 'create service clusterip bad --tcp=70000')
    await golden('create-service-node-port-range', 'create service nodeport low --tcp=80 --node-port=80')
    await golden('create-serviceaccount-again', 'create serviceaccount default')
    await golden(
      'create-role-resource-name',
      'create role one-pod --verb=get --resource=pods --resource-name=web',
    )
    await golden('create-role-no-verb', 'create role idle --resource=pods')
    await golden('create-role-unknown-resource', 'create role lost --verb=get --resource=sloops')
    await golden('create-rolebinding-no-role', 'create rolebinding lost --user=ann')
    await golden('create-token', 'create token default -o jsonpath={.kind}{.spec.audiences}')
    await golden('create-token-too-short', 'create token default --duration=1m')
    await golden('create-token-missing', 'create token nobody')
    await golden(
      'create-token-bound-missing',
      'create token default --bound-object-kind=Secret --bound-object-name=none',
    )
  })

  test('create workloads and policies', async () => {
    await golden(
      'create-deployment-command',
      'create deployment busy --image=example/a --replicas=0 -- sleep 1000',
    )
    await golden(
      'create-deployment-command-result',
      'get deploy busy -o jsonpath={.spec.template.spec.containers[*].command}',
    )
    await golden(
      'create-deployment-two-images',
      'create deployment pair --image=example/a --image=example/b --replicas=0',
    )
    await golden('create-deployment-no-image', 'create deployment none')
    await golden(
      'create-cronjob-suspended',
      "create cronjob rest --image=example/a --schedule='0 0 30 2 *' --restart=Never",
    )
    await golden('create-job-no-image', 'create job none')
    await golden('create-job-from-missing', 'create job lost --from=cronjob/nobody')
    await golden('create-quota-scopes', 'create quota best --hard=pods=3 --scopes=BestEffort -o yaml')
    await golden('create-quota-bad', 'create quota bad --hard=pods=many')
    await golden(
      'create-priorityclass-default',
      "create priorityclass usual --value=1 --global-default=false --description='for most'",
    )
    await golden('create-priorityclass-again', 'create priorityclass usual --value=2')
    await golden('create-priorityclass-too-high', 'create priorityclass sky --value=2000000000')
    await golden('create-pdb-no-selector', 'create pdb bad --min-available=1')
    await golden(
      'create-ingress-tls',
      "create ingress secure --class=sampan --rule='a.example.com/x*=web:80,tls=pair' -o yaml",
    )
    await golden('create-ingress-bad-rule', 'create ingress bad --rule=nothing')
    await golden('create-nothing', 'create')
    await golden(
      'create-raw',
      `create --raw /api/v1/namespaces/default/configmaps -f ${file('raw.json', JSON.stringify(configMap('raw', {})))}`,
    )
    await golden('create-save-config', 'create -f - --save-config -o jsonpath={.metadata.annotations}', {
      input: yaml(configMap('saved', { a: '1' })),
    })
    await golden('create-edit', 'create -f - --edit', {
      input: yaml(configMap('edited', { a: '1' })),
      env: editor('other', 's/edited/reworked/'),
    })
    await golden('create-selector', 'create -l app=chosen -f -', {
      input: yaml(service('chosen'), service('other')),
    })
  })

  test('the last applied configuration is seen, set and edited', async () => {
    const first = file('plain.yaml', yaml(configMap('plain', { a: '1' })))
    await ok(['create', '-f', first])
    await golden('view-last-applied-none', 'apply view-last-applied cm/plain')
    await golden('set-last-applied-refused', `apply set-last-applied -f ${first}`)
    await golden(
      'set-last-applied-dry',
      `apply set-last-applied -f ${first} --create-annotation --dry-run=server`,
    )
    await golden('set-last-applied', `apply set-last-applied -f ${first} --create-annotation`)
    await golden('view-last-applied', 'apply view-last-applied cm/plain -o json')
    await golden('edit-last-applied', 'apply edit-last-applied cm/plain', {
      env: editor('plain-2', 's/a: "1"/a: "2"/'),
    })
    await golden('edit-last-applied-result', `apply view-last-applied -f ${first}`)
    await golden('edit-last-applied-kept', 'get cm plain -o jsonpath={.data}')
    await golden('view-last-applied-missing', 'apply view-last-applied cm/nobody')
  })

  test('apply: folders, selectors, prune, dry runs, owners', async () => {
    const a = file(
      'fleet/a.yaml',
      yaml({ ...configMap('a', { of: 'a' }), metadata: { name: 'a', labels: { fleet: 'red' } } }),
    )
    const b = file(
      'fleet/deep/b.yaml',
      yaml({ ...configMap('b', { of: 'b' }), metadata: { name: 'b', labels: { fleet: 'red' } } }),
    )
    await golden('apply-folder', `apply -f ${fleet()}`)
    await golden('apply-recursive', `apply -R -f ${fleet()}`)
    await golden('apply-two-files', `apply -f ${a} -f ${b}`)
    await golden('apply-selected', `apply -l fleet=blue -f ${fleet()}`)
    await golden('apply-dry-run-client', `apply -f ${a} --dry-run=client`)
    await golden('apply-name-output', `apply -f ${a} -o name`)
    await golden('apply-prune-needs-choice', `apply --prune -f ${fleet()}`)
    await golden(
      'apply-prune-dry',
      `apply --prune -l fleet=red --prune-allowlist=core/v1/ConfigMap --dry-run=server -f ${a}`,
    )
    await golden('apply-prune', `apply --prune -l fleet=red --prune-allowlist=core/v1/ConfigMap -f ${a}`)
    await golden('apply-prune-left', 'get cm -l fleet=red -o name')
    await golden('apply-server-side', `apply --server-side --field-manager=fleet -f ${b}`)
    await golden(
      'apply-server-side-owner',
      'get cm b -o jsonpath={.metadata.managedFields[*].manager} --show-managed-fields',
    )
    await golden('apply-server-side-conflict', 'apply --server-side --field-manager=other -f -', {
      input: yaml({ ...configMap('b', { of: 'b' }), metadata: { name: 'b', labels: { fleet: 'blue' } } }),
    })
    await golden('apply-namespace-mismatch', 'apply -n elsewhere -f -', {
      input: yaml({ ...configMap('c', {}), metadata: { name: 'c', namespace: 'default' } }),
    })
    const fixed = (clusterIP: string) => {
      const plain = service('fixed')
      return yaml({ ...plain, spec: { ...plain.spec, clusterIP } })
    }
    await ok('apply -f -', { input: fixed('10.96.0.77') })
    await golden('apply-immutable', 'apply -f -', { input: fixed('10.96.0.78') })
    await golden('apply-force', 'apply --force -f -', { input: fixed('10.96.0.78') })
    await golden('apply-force-result', 'get service fixed -o jsonpath={.metadata.generation}{.spec.type}')
    await golden('apply-no-file', 'apply')
    await golden('apply-subresource', 'apply --server-side --subresource=status -f -', {
      input: yaml({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'fixed' },
        status: { loadBalancer: {} },
      }),
    })
  })

  test('kustomize', async () => {
    file('site/settings.yaml', yaml(configMap('settings', { a: '1' })))
    const folder = dirname(
      file(
        'site/kustomization.yaml',
        yaml({
          namePrefix: 'site-',
          labels: [{ pairs: { site: 'main' } }],
          resources: ['settings.yaml'],
          configMapGenerator: [{ name: 'made', literals: ['b=2'], options: { disableNameSuffixHash: true } }],
        }),
      ),
    )
    await golden('kustomize', `kustomize ${folder}`)
    await golden('kustomize-nothing', `kustomize ${join(folder, '..')}`)
    await golden('diff-kustomize', `diff -k ${folder}`)
    await golden('apply-kustomize', `apply -k ${folder}`)
    await golden('get-kustomize', `get -k ${folder} -o name`)
    await golden('diff-kustomize-none', `diff -k ${folder}`)
    await golden('delete-kustomize', `delete -k ${folder}`)
  })

  test('labels and annotations of many', async () => {
    await golden('label-selected', 'label cm -l fleet=red size=big')
    await golden('label-several', 'label cm a b deck=upper mast- --overwrite')
    await golden('label-dry-run', 'label cm a deck=lower --overwrite --dry-run=server')
    await golden('label-client', 'label --local -f - deck=upper -o yaml', {
      input: yaml(configMap('paper', {})),
    })
    await golden('label-resource-version', 'label cm a deck=lower --overwrite --resource-version=1')
    await golden('label-field-selector', 'label cm --field-selector=metadata.name=a seen=once')
    await golden('label-nothing', 'label cm a')
    await golden('annotate-several', 'annotate cm a b note=one')
    await golden('annotate-refused', 'annotate cm a note=two')
    await golden('annotate-overwrite', 'annotate cm a note=two --overwrite')
    await ok('annotate cm keyed note=one') // of several it prints any first
    await golden('annotate-list', 'annotate cm keyed --list')
    await golden('annotate-file', 'annotate -f - note=three --overwrite', { input: yaml(configMap('a', {})) })
    await golden('annotate-missing', 'annotate cm nobody note=x')
    await golden('annotate-bad-key', "annotate cm a 'not good=x'")
  })

  test('set', async () => {
    await ok('apply -f -', { input: yaml(deployment({ name: 'web', replicas: 0 })) })
    await golden('set-image-every', `set image deployment --all '*=${image('hello')}'`)
    await golden(
      'set-image-local',
      'set image -f - web=example/b --local -o jsonpath={.spec.template.spec.containers[0].image}',
      {
        input: yaml(deployment({ name: 'web' })),
      },
    )
    await golden('set-env-from', 'set env deployment/web --from=configmap/env --keys=LEVEL --prefix=APP_')
    await golden('set-env-from-result', 'set env deployment/web --list')
    await golden('set-env-stdin', 'set env deployment/web -e -', { input: 'TOKEN=1\n' })
    await golden('set-env-dry-run', 'set env deployment/web A=b --dry-run=server')
    await golden(
      'set-resources-requests',
      'set resources deployment web -c=web --requests=cpu=100m --limits=cpu=200m',
    )
    await golden(
      'set-resources-too-much',
      'set resources deployment web --requests=cpu=500m --limits=cpu=200m',
    )
    await golden('set-resources-nothing', 'set resources deployment web')
    await golden('set-serviceaccount', 'set serviceaccount deployment web robot')
    await golden(
      'set-serviceaccount-result',
      'get deploy web -o jsonpath={.spec.template.spec.serviceAccountName}',
    )
    await ok('create rolebinding crew --role=one-pod --user=ann')
    await golden(
      'set-subject',
      'set subject rolebinding crew --user=bo --group=staff --serviceaccount=default:robot',
    )
    await golden('set-subject-result', 'get rolebinding crew -o wide --no-headers')
    await golden('set-selector-local', 'set selector -f - app=b --local -o jsonpath={.spec.selector}', {
      input: yaml(service('x')),
    })
  })

  test('patch and replace: other sources, other parts', async () => {
    const patch = file('patch.yaml', yaml({ data: { patched: 'once' } }))
    await golden('patch-file', `patch cm a --patch-file=${patch}`)
    await golden('patch-local', `patch -f - --local -p '{"data":{"x":"1"}}' -o yaml`, {
      input: yaml(configMap('paper', {})),
    })
    await golden('patch-dry-run', `patch cm a -p '{"data":{"x":"1"}}' --dry-run=server -o jsonpath={.data}`)
    await golden('patch-bad-type', `patch cm a --type=other -p '{}'`)
    await golden(
      'patch-strategic-delete',
      `patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"TOKEN","$patch":"delete"}]}]}}}}'`,
    )
    await golden(
      'patch-strategic-last-container',
      `patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","$patch":"delete"}]}}}}'`,
    )
    await golden(
      'patch-immutable',
      `patch deployment web --type=merge -p '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}'`,
    )
    await golden(
      'patch-json-move',
      `patch cm a --type=json -p '[{"op":"move","from":"/data/patched","path":"/data/moved"}]' -o jsonpath={.data}`,
    )
    await golden('patch-name', `patch cm a --type=merge -p '{"metadata":{"name":"b"}}'`)
    await golden('get-subresource', 'get deployment web --subresource=scale')
    await golden(
      'get-subresource-status',
      'get deployment web --subresource=status -o jsonpath={.status.observedGeneration}{.spec.replicas}',
    )
    await golden('get-subresource-unknown', 'get deployment web --subresource=sails')
    await golden('replace-nothing', 'replace')
    await golden('replace-dry-run', 'replace --dry-run=server -f -', {
      input: yaml(configMap('a', { z: '1' })),
    })
    await golden(
      'replace-raw',
      `replace --raw /api/v1/namespaces/default/configmaps/raw -f ${file('raw-2.json', JSON.stringify(configMap('raw', { a: '1' })))}`,
    )
    await golden('edit-json', 'edit cm a -o json', {
      env: editor('json', 's/"moved": "once"/"moved": "twice"/'),
    })
    await golden('edit-json-result', 'get cm a -o jsonpath={.data}')
    await golden(
      'edit-file',
      `edit -f ${join(suite.cluster.dataDir, 'files', 'fleet', 'a.yaml')} --output-patch`,
      { env: editor('moved', 's/moved: twice/moved: thrice/') },
    )
  })

  test('expose, scale, autoscale, run', async () => {
    await golden(
      'expose-nodeport',
      'expose deployment web --name=open --type=NodePort --port=80 --target-port=http --dry-run=client -o yaml',
    )
    await golden('expose-service', 'expose service fixed --name=again --port=81')
    await golden('expose-no-port', 'expose deployment busy')
    await golden('expose-bad-kind', 'expose cm a --port=80')
    await golden('scale-all', 'scale deployment --all --replicas=0')
    await golden('scale-file', 'scale -f - --replicas=0', { input: yaml(deployment({ name: 'web' })) })
    await golden('scale-no-replicas', 'scale deployment web')
    await golden('scale-kind', 'scale cm a --replicas=1')
    await golden('scale-resource-version', 'scale deployment web --replicas=1 --resource-version=1')
    await golden('autoscale-no-max', 'autoscale deployment web --min=1')
    await golden('autoscale-dry-run', 'autoscale deployment web --max=3 --dry-run=server')
    await golden('autoscale-named', 'autoscale deployment web --name=scaler --max=3')
    await golden('autoscale-again', 'autoscale deployment web --name=scaler --max=4')
    await golden(
      'run-labels',
      'run shown --image=example/a --labels=app=x,tier=y --restart=Never --dry-run=server -o jsonpath={.metadata.labels}{.spec.restartPolicy}',
    )
    await golden(
      'run-command',
      'run shown --image=example/a --command --dry-run=client -o jsonpath={.spec.containers[0].command} -- sleep 10',
    )
    await golden('run-expose', 'run shown --image=example/a --port=80 --expose --dry-run=client')
    await golden('run-bad-restart', 'run shown --image=example/a --restart=Sometimes')
    await golden('run-no-image', 'run shown')
  })

  test('get: more formats', async () => {
    const template = file('names.tmpl', '{{range .items}}{{.metadata.name}}\n{{end}}')
    const columns = file('columns.txt', 'NAME          FLEET\nmetadata.name metadata.labels.fleet\n')
    const path = file('names.jsonpath', '{.items[*].metadata.name}')
    await golden('get-template-file', `get cm -l fleet -o go-template-file=${template}`)
    await golden('get-template', "get cm a --template='{{.metadata.name}}'")
    await golden('get-columns-file', `get cm -l fleet -o custom-columns-file=${columns}`)
    await golden('get-jsonpath-file', `get cm -l fleet -o jsonpath-file=${path}`)
    await golden('get-jsonpath-as-json', 'get cm a -o jsonpath-as-json={.metadata.labels}')
    await golden('get-jsonpath-filter', `get cm -o jsonpath='{.items[?(@.metadata.name=="a")].data}'`)
    await golden('get-jsonpath-missing', 'get cm a -o jsonpath={.nothing}')
    await golden('get-jsonpath-bad', 'get cm a -o jsonpath={.nothing')
    await golden('get-template-bad', "get cm a -o go-template='{{.data'")
    await golden('get-format-unknown', 'get cm a -o sails')
    await golden('get-show-kind', 'get cm -l fleet --show-kind')
    await golden('get-client-table', 'get cm -l fleet --server-print=false')
    await golden('get-managed-fields', 'get cm folder -o yaml --show-managed-fields')
    await golden('get-file', 'get -f -', { input: yaml(configMap('a', {}), configMap('b', {})) })
    await golden('get-all', 'get all -l app=web')
    await golden('get-two-kinds-one-name', 'get deploy/web cm')
    await golden('get-name-and-selector', 'get cm a -l fleet=red')
    await golden('get-nothing', 'get')
    await golden('get-group-version', 'get deployments.v1.apps web -o name')
    await golden('get-sort-by-missing', 'get cm -l fleet --sort-by=.metadata.sails')
    await golden('get-watch-only', 'get cm a --watch-only --request-timeout=1s')
  })

  test('delete', async () => {
    await ok(['apply', '-R', '-f', fleet()])
    await golden('delete-field-selector', 'delete cm --field-selector=metadata.name=raw')
    await golden('delete-dry-run-client', 'delete cm a --dry-run=client')
    await golden('delete-name-output', 'delete cm b -o name')
    await golden('delete-bad-cascade', 'delete cm a --cascade=sideways')
    await golden('delete-all-and-selector', 'delete cm --all -l fleet=red')
    await golden('delete-no-selection', 'delete cm,service')
    await golden('delete-raw', 'delete --raw /api/v1/namespaces/default/configmaps/keyed')
    await golden('delete-interactive-no', 'delete cm a --interactive', { input: 'n\n' })
    await golden('delete-interactive-yes', 'delete cm a --interactive', { input: 'y\n' })
    await ok(['apply', '-R', '-f', fleet()])
    await golden('delete-folder', `delete -R -f ${fleet()}`)
    await golden('delete-everywhere', 'delete cm -l site=main -A')
    await golden('delete-force-object', 'delete cm env --force')
    await golden('delete-unknown-namespace', 'delete cm --all -n nowhere')
    await golden('delete-all-kinds', 'delete deployments,services -l app=web')
    const { code } = await kubectl('get cm env')
    assert.equal(code, 1)
  })
}
