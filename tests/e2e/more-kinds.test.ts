/**
 * Kinds that nobody looks after yet: the real kubectl creates, shows, describes, scales and deletes them. Its generators
 * (`kubectl create job`) send protobuf.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCluster, root, type Cluster } from '../support/cluster.ts'
import { goldens } from '../support/golden.ts'

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

let cluster: Cluster
const golden = goldens('kinds', () => cluster)

before(async () => {
  cluster = await openCluster()
  cluster.ok(['apply', '-f', manifests])
})
after(() => cluster[Symbol.asyncDispose]())

for (const [resource, name] of kinds) {
  test(`${resource}: table, wide table, description`, () => {
    golden(`get-${fileOf(resource)}`, `get ${resource} ${name}`)
    golden(`get-${fileOf(resource)}-wide`, `get ${resource} ${name} -o wide`)
    golden(`describe-${fileOf(resource)}`, `describe ${resource} ${name}`)
  })
}

test('a quota says what it allows, whoever counts', () => {
  assert.match(cluster.ok('get quota quota -o yaml'), /hard:\n\s+pods: "100"\n\s+requests.storage: 1Ti/)
  assert.match(cluster.ok('describe quota quota'), /^Name:\s+quota\n/)
})

test('generators: what the server makes of a protobuf body', () => {
  const image = '--image=npm:json-server@0.17.4'
  golden('create-job', `create job made ${image} -o yaml -- node server.js`)
  golden('create-job-from-cronjob', 'create job started --from=cronjob/nightly')
  golden('create-cronjob', `create cronjob made ${image} --schedule='*/5 * * * *' -o yaml`)
  golden('create-role', 'create role made --verb=get,list --resource=pods,deployments.apps -o yaml')
  golden('create-clusterrole', 'create clusterrole made --verb=get --non-resource-url=/metrics -o yaml')
  golden(
    'create-clusterrole-aggregated',
    'create clusterrole summed --aggregation-rule=rbac.example.com/sum=true -o yaml',
  )
  golden('create-rolebinding', 'create rolebinding made --role=made --user=ann --group=staff -o yaml')
  golden(
    'create-clusterrolebinding',
    'create clusterrolebinding made --clusterrole=made --serviceaccount=default:bot -o yaml',
  )
  golden('create-quota', 'create quota made --hard=services=10,requests.memory=2048Mi -o yaml')
  golden('create-priorityclass', 'create priorityclass made --value=5 --preemption-policy=Never -o yaml')
  golden('create-pdb', 'create pdb made --selector=app=web --max-unavailable=1 -o yaml')
  golden('create-pdb-twice-bounded', 'create pdb bad --selector=app=web --max-unavailable=200%')
  cluster.ok('create deployment scaled --replicas=0 --image=npm:json-server@0.17.4')
  golden('autoscale', 'autoscale deployment scaled --min=1 --max=3 --cpu=50% -o yaml')
  golden('get-autoscaled', 'get hpa scaled')
})

test('one autoscaler in two versions', () => {
  golden('get-hpa-v1-yaml', 'get horizontalpodautoscalers.v1.autoscaling web -o yaml')
  golden('get-hpa-v2-yaml', 'get horizontalpodautoscalers.v2.autoscaling web -o yaml')
})

test('scale and its subresource', () => {
  golden('scale-statefulset', 'scale statefulset db --replicas=3')
  golden('get-statefulset-scale', 'get statefulset db --subresource=scale')
  golden('scale-daemonset', 'scale daemonset logs --replicas=3')
})

test('what is refused', () => {
  golden('patch-job-template', `patch job once --type=merge -p {"spec":{"completions":7}}`)
  golden('patch-statefulset-service', `patch sts db --type=merge -p {"spec":{"serviceName":"other"}}`)
  golden('patch-rolebinding-role', `patch rolebinding readers --type=merge -p {"roleRef":{"name":"other"}}`)
  golden('create-cronjob-bad', "create cronjob bad --image=a --schedule='every day'")
})

test('everything can be applied again without a change, and deleted', () => {
  const applied = cluster.ok(['apply', '-f', manifests])
  const changed = applied.split('\n').filter((line) => line !== '' && !/ (unchanged|configured)$/.test(line))
  assert.deepEqual(changed, [])
  cluster.ok(['delete', '-f', manifests, '--timeout=60s'])
  const left = cluster.kubectl(['get', '-f', manifests, '--ignore-not-found', '-o', 'name'])
  assert.equal(left.stdout, '')
})
