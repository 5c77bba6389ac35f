/**
 * Kinds that nobody looks after yet: the real kubectl creates, shows, describes, scales and deletes them. Its generators
 * (`kubectl create job`) send protobuf.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/cluster.ts'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'

const manifests = join(root, 'tests', 'testdata', 'kinds.yaml')

/** What kubectl calls it, and the object of it. */
const kinds: readonly (readonly [resource: string, name: string])[] = [
  ['statefulset', 'db'],
  ['daemonset', 'logs'],
  ['controllerrevision', 'db-1'],
  ['job', 'once'],
  ['cronjob', 'nightly'],
  ['hpa', 'web'],
  ['horizontalpodautoscalers.v1.autoscaling', 'web'],
  ['pdb', 'web'],
  ['podtemplate', 'web'],
  ['limits', 'limits'],
  ['pv', 'disk'],
  ['pvc', 'data'],
  ['endpoints', 'elsewhere'],
  ['storageclass', 'slow'],
  ['priorityclass', 'high'],
  ['runtimeclass', 'sandbox'],
  ['role', 'reader'],
  ['clusterrole', 'health'],
  ['rolebinding', 'readers'],
  ['clusterrolebinding', 'doctors'],
  ['netpol', 'closed'],
  ['events.events.k8s.io', 'web.1'],
]

const fileOf = (resource: string): string => resource.replaceAll('.', '-')

everyKubectl({
  folder: 'kinds',
  async prepare({ ok }) {
    await ok(['apply', '-f', manifests])
    await ok('wait --for=jsonpath={.status.phase}=Available pv/disk --timeout=60s') // a controller says so
  },
  define,
})

function define({ golden, ok, kubectl }: Suite): void {
  for (const [resource, name] of kinds) {
    test(`${resource}: table, wide table, description`, async () => {
      await golden(`get-${fileOf(resource)}`, `get ${resource} ${name}`)
      await golden(`get-${fileOf(resource)}-wide`, `get ${resource} ${name} -o wide`)
      await golden(`describe-${fileOf(resource)}`, `describe ${resource} ${name}`)
    })
  }

  test('a quota says what it allows, whoever counts', async () => {
    assert.match(await ok('get quota quota -o yaml'), /hard:\n\s+pods: "100"\n\s+requests.storage: 1Ti/)
    assert.match(await ok('describe quota quota'), /^Name:\s+quota\n/)
  })

  test('generators: what the server makes of a protobuf body', async () => {
    const image = '--image=npm:json-server@0.17.4'
    await golden('create-job', `create job made ${image} -o yaml -- node server.js`)
    await golden('create-job-from-cronjob', 'create job started --from=cronjob/nightly')
    await golden('create-cronjob', `create cronjob made ${image} --schedule='*/5 * * * *' -o yaml`)
    await golden('create-role', 'create role made --verb=get,list --resource=pods,deployments.apps -o yaml')
    await golden(
      'create-clusterrole',
      'create clusterrole made --verb=get --non-resource-url=/metrics -o yaml',
    )
    await golden(
      'create-clusterrole-aggregated',
      'create clusterrole summed --aggregation-rule=rbac.example.com/sum=true -o yaml',
    )
    await golden('create-rolebinding', 'create rolebinding made --role=made --user=ann --group=staff -o yaml')
    await golden(
      'create-clusterrolebinding',
      'create clusterrolebinding made --clusterrole=made --serviceaccount=default:bot -o yaml',
    )
    await golden('create-quota', 'create quota made --hard=services=10,requests.memory=2048Mi -o yaml')
    await golden(
      'create-priorityclass',
      'create priorityclass made --value=5 --preemption-policy=Never -o yaml',
    )
    await golden('create-pdb', 'create pdb made --selector=app=web --max-unavailable=1 -o yaml')
    await golden('create-pdb-twice-bounded', 'create pdb bad --selector=app=web --max-unavailable=200%')
    await ok('create deployment scaled --replicas=0 --image=npm:json-server@0.17.4')
    await golden('autoscale', 'autoscale deployment scaled --min=1 --max=3 --cpu-percent=50 -o yaml')
    await golden('get-autoscaled', 'get hpa scaled')
  })

  test('one autoscaler in two versions', async () => {
    await golden('get-hpa-v1-yaml', 'get horizontalpodautoscalers.v1.autoscaling web -o yaml')
    await golden('get-hpa-v2-yaml', 'get horizontalpodautoscalers.v2.autoscaling web -o yaml')
  })

  test('scale and its subresource', async () => {
    await golden('scale-statefulset', 'scale statefulset db --replicas=3')
    await golden('get-statefulset-scale', 'get statefulset db --subresource=scale')
    await golden('scale-daemonset', 'scale daemonset logs --replicas=3')
  })

  test('what is refused', async () => {
    await golden('patch-job-template', `patch job once --type=merge -p {"spec":{"completions":7}}`)
    await golden('patch-statefulset-service', `patch sts db --type=merge -p {"spec":{"serviceName":"other"}}`)
    await golden(
      'patch-rolebinding-role',
      `patch rolebinding readers --type=merge -p {"roleRef":{"name":"other"}}`,
    )
    await golden('create-cronjob-bad', "create cronjob bad --image=a --schedule='every day'")
  })

  test('everything can be applied again without a change, and deleted', async () => {
    const applied = await ok(['apply', '-f', manifests])
    const changed = applied
      .split('\n')
      .filter((line) => line !== '' && !/ (unchanged|configured)$/.test(line))
    assert.deepEqual(changed, [])
    await ok(['delete', '-f', manifests, '--timeout=60s'])
    const left = await kubectl(['get', '-f', manifests, '--ignore-not-found', '-o', 'name'])
    assert.equal(left.stdout, '')
  })
}
