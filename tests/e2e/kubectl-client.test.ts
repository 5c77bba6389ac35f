/** What kubectl asks about the cluster, about permissions and about itself. */
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { deployment, yaml } from '../support/manifests.ts'

everyKubectl({ folder: 'client', define })

function define(suite: Suite): void {
  const { golden, ok, kubectl } = suite

  test('kubeconfig', async () => {
    const path = join(suite.cluster.dataDir, 'other.kubeconfig')
    writeFileSync(path, '')
    const env = { KUBECONFIG: path }
    await golden('config-empty', 'config view', { env })
    await golden('config-no-context', 'config current-context', { env })
    await golden('config-set-cluster', 'config set-cluster bay --server=https://bay.example.com:6443', {
      env,
    })
    await golden('config-set-credentials', 'config set-credentials ann --token=s3cret', { env })
    await golden('config-set-context', 'config set-context work --cluster=bay --user=ann --namespace=shop', {
      env,
    })
    await golden('config-use-context', 'config use-context work', { env })
    await golden('config-current-context', 'config current-context', { env })
    await golden('config-view', 'config view', { env })
    await golden('config-view-raw', 'config view --raw --minify -o jsonpath={.users[0].user.token}', { env })
    await golden('config-get-contexts', 'config get-contexts', { env })
    await golden('config-get-clusters', 'config get-clusters', { env })
    await golden('config-get-users', 'config get-users', { env })
    await golden('config-set', 'config set contexts.work.namespace yard', { env })
    await golden('config-rename-context', 'config rename-context work rest', { env })
    await golden('config-use-missing', 'config use-context work', { env })
    await golden('config-unset', 'config unset users.ann', { env })
    await golden('config-delete-context', 'config delete-context rest', { env })
    await golden('config-delete-cluster', 'config delete-cluster bay', { env })
    await golden('config-delete-user', 'config delete-user ann', { env })
    await golden('config-own', 'config view --minify -o jsonpath={.contexts[0].context.cluster}')
  })

  test('completion, options, plugins, versions', async () => {
    await golden('completion-unknown', 'completion sail')
    await golden('completion-none', 'completion')
    const shells = { bash: /__start_kubectl/, zsh: /compdef _kubectl kubectl/, fish: /complete -c kubectl/ }
    for (const [shell, pattern] of Object.entries(shells))
      assert.match(await ok(`completion ${shell}`), pattern)
    await golden('complete-names', '__complete get configmaps kube-')
    await golden('complete-kinds', '__complete get deploymen')
    await golden('plugin-list', 'plugin list', { env: { PATH: '/nowhere' } })
    await golden('version-client', 'version --client')
    await golden('version-bad-output', 'version -o sails')
    await golden('alpha', 'alpha --sails')
    await golden('unknown-command', 'sail')
    await golden('unknown-flag', 'get cm --sails')
    assert.match(await ok('options'), /--namespace/)
  })

  test('the API’s resources and versions', async () => {
    await golden('api-resources-wide', 'api-resources --api-group=batch -o wide')
    await golden('api-resources-names', 'api-resources --api-group=apps -o name')
    await golden(
      'api-resources-cluster',
      'api-resources --api-group=rbac.authorization.k8s.io --namespaced=false',
    )
    await golden('api-resources-verbs', 'api-resources --api-group=authentication.k8s.io --verbs=create')
    await golden('api-resources-sorted', 'api-resources --api-group=networking.k8s.io --sort-by=kind')
    await golden(
      'api-resources-categories',
      'api-resources --categories=all --api-group=autoscaling --no-headers',
    )
    await golden('api-resources-none', 'api-resources --api-group=sails.example.com')
    await golden('api-resources-bad-sort', 'api-resources --sort-by=length')
    await golden('api-versions-extra', 'api-versions all')
  })

  test('explain', async () => {
    await golden('explain-version', 'explain hpa --api-version=autoscaling/v1')
    await golden('explain-list', 'explain pod.spec.containers.env.valueFrom')
    await golden('explain-recursive', 'explain networkpolicy.spec.egress --recursive')
    await golden('explain-old-output', 'explain pdb.spec --output=plaintext-openapiv2')
    await golden('explain-nothing', 'explain')
    await golden('explain-bad-version', 'explain deployment --api-version=apps/v9')
  })

  test('who may do what', async () => {
    await golden('whoami', 'auth whoami')
    await golden('whoami-as', 'auth whoami --as=ann --as-group=staff -o jsonpath={.status.userInfo}')
    await golden('can-i', 'auth can-i create deployments')
    await golden('can-i-not', 'auth can-i create deployments --as=ann')
    await golden('can-i-quiet', 'auth can-i create deployments --as=ann --quiet')
    await golden('can-i-subresource', 'auth can-i create pods --subresource=exec')
    await golden('can-i-path', 'auth can-i get /metrics --as=ann')
    await golden('can-i-unknown', 'auth can-i sail ships')
    await golden('can-i-everywhere', 'auth can-i list secrets -A --as=system:serviceaccount:default:default')
    await golden('can-i-name', 'auth can-i get deployments/web')
    await golden('can-i-nothing', 'auth can-i')
    const role = (resources: readonly string[]) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'reader', namespace: 'default' },
      rules: [{ apiGroups: [''], resources, verbs: ['get', 'list'] }],
    })
    const input = yaml(role(['pods', 'configmaps']))
    await golden('reconcile-dry-run', 'auth reconcile -f - --dry-run=client', { input })
    await golden('reconcile', 'auth reconcile -f -', { input })
    await golden('reconcile-adds', 'auth reconcile -f -', { input: yaml(role(['secrets'])) })
    await golden('reconcile-added', 'get role reader -o jsonpath={.rules[*].resources}')
    await golden('reconcile-removes', 'auth reconcile -f - --remove-extra-permissions', {
      input: yaml(role(['secrets'])),
    })
    await golden('can-i-reads', 'auth can-i --list --as=ann --no-headers')
    await golden('as-forbidden', 'get secrets --as=ann')
    await golden('as-group-alone', 'get secrets --as-group=staff')
  })

  test('certificates', async () => {
    await golden('certificate-approve-missing', 'certificate approve nobody')
    await golden('certificate-deny-missing', 'certificate deny nobody')
    await golden('certificate-no-name', 'certificate approve')
  })

  test('the cluster as a whole', async () => {
    await ok('apply -f -', { input: yaml(deployment({ name: 'web', replicas: 0 })) })
    const folder = join(suite.cluster.dataDir, 'dump')
    await golden('cluster-info-dump', `cluster-info dump --output-directory=${folder} --namespaces=default`)
    const files = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.json'))
      .toSorted()
    assert.deepEqual(
      files,
      [
        'nodes.json',
        ...[
          'daemonsets',
          'deployments',
          'events',
          'pods',
          'replicasets',
          'replication-controllers',
          'services',
        ].map((name) => join('default', `${name}.json`)),
      ].toSorted(),
    )
    await golden('describe-nodes-missing', 'describe node node-9')
    await golden('describe-cm-selected', 'describe deployments -l app=web --show-events=false')
    await golden('describe-no-match', 'describe cm nobody')
    await golden('describe-unknown', 'describe sloops')
    await golden('describe-serviceaccount', 'describe sa default')
    await golden('describe-storageclasses', 'describe storageclasses')
    await golden('describe-lease', 'describe ingressclass')
    await golden('events-empty', 'events -n kube-public')
    await golden('events-bad-for', 'events --for pod')
    await golden('events-types', 'events --types=Warning -n kube-public')
    await golden('rollout-status-kind', 'rollout status cm/kube-root-ca.crt')
    await golden('rollout-nothing', 'rollout restart')
    await golden('rollout-undo-dry-run', 'rollout undo deployment/web --dry-run=server')
    await golden('rollout-history-output', 'rollout history deployment/web -o jsonpath={.spec.replicas}')
    await golden('taint-bad-effect', 'taint node node-1 sea=rough:NoSail')
    await golden('taint-remove-missing', 'taint node node-1 sea-')
    await golden('taint-overwrite', 'taint node node-1 sea=calm:PreferNoSchedule --dry-run=server')
    await golden('cordon-dry-run', 'cordon node-1 --dry-run=server')
    await golden('drain-dry-run', 'drain node-1 --dry-run=server')
    await golden('wait-jsonpath', 'wait deploy/web --for=jsonpath={.spec.replicas}=0 --timeout=10s')
    await golden('wait-all', 'wait deploy --all --for=jsonpath={.spec.replicas}=0 --timeout=10s')
    await golden('wait-delete', 'wait --for=delete cm/nobody --timeout=10s')
    await golden('top-nothing', 'top')
    assert.equal((await kubectl('get ns nowhere')).code, 1)
  })
}
