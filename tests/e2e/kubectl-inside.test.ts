/** Into running pods with every kubectl: exec, attach, cp, port-forward, proxy, logs and debug, as each speaks it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { until } from '../support/cluster.ts'
import { everyKubectl, type Suite } from '../support/every-kubectl.ts'
import { ask } from '../support/http.ts'
import { deployment, pod, service, yaml } from '../support/manifests.ts'

everyKubectl({ folder: 'inside', prepare, define })

async function prepare({ ok }: Suite): Promise<void> {
  const web = deployment({ name: 'web', env: { GREETING: 'ahoy there' } })
  const done = pod('done', 'logger', { spec: { restartPolicy: 'Never' } })
  const ticking = pod('ticking', 'logger', { env: { LINGER: '1' } })
  const waiting = pod('waiting', 'hello', { spec: { nodeSelector: { sea: 'north' } } })
  await ok('apply -f -', { input: yaml(web, service('web'), done, ticking, waiting, pod('plain', 'hello')) })
  await ok('rollout status deployment/web --timeout=60s')
  await ok('wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=60s')
  await ok('wait --for=condition=Ready pod/ticking pod/plain --timeout=60s')
}

function define(suite: Suite): void {
  const { golden, kubectl } = suite
  const folder = () => join(suite.cluster.dataDir, 'files')

  test('exec', async () => {
    await golden('exec', 'exec deploy/web -- printenv GREETING')
    await golden('exec-pod', `exec plain -- sh -c 'echo out; echo err >&2'`)
    await golden('exec-exit-code', `exec plain -- sh -c 'exit 42'`)
    await golden('exec-stdin', 'exec -i plain -- cat', { input: 'there and back\n' })
    await golden('exec-container', 'exec plain -c hello -- echo here')
    await golden('exec-file', 'exec -f - -- echo here', { input: yaml(pod('plain', 'hello')) })
    await golden('exec-quiet', `exec plain -q -- sh -c 'exit 3'`)
    await golden('exec-missing-pod', 'exec nobody -- true')
    await golden('exec-missing-container', 'exec plain -c mast -- true')
    await golden('exec-no-command', 'exec plain')
    await golden('exec-done', 'exec done -- true')
    await golden('exec-waiting', 'exec waiting -- true')
    await golden('exec-service', 'exec service/web -- echo by service')
  })

  test('attach', async () => {
    await golden('attach-done', 'attach done')
    await golden('attach-missing', 'attach nobody')
    await golden('attach-missing-container', 'attach ticking -c mast')
    await using attached = suite.cluster.follow('attach ticking')
    await until('it ticks', () => /^tick \d+$/m.test(attached.stdout()) || undefined)
  })

  test('cp', async () => {
    const [from, back] = [join(folder(), 'from.txt'), join(folder(), 'back.txt')]
    mkdirSync(join(folder(), 'tree', 'deep'), { recursive: true })
    writeFileSync(from, 'cargo\n')
    writeFileSync(join(folder(), 'tree', 'deep', 'leaf.txt'), 'leaf\n')
    const read = (path: string) => suite.ok(['exec', 'plain', '--', 'sh', '-c', `cat $HOME/${path}`])
    const home = await suite.ok(['exec', 'plain', '--', 'printenv', 'HOME'])
    await golden('cp-in', `cp ${from} plain:${home.trim()}/cargo.txt`)
    assert.equal(await read('cargo.txt'), 'cargo\n')
    // From where the program runs: of a path from the root tar would say, now or too late, that it drops the slash.
    await golden('cp-out', `cp plain:package.json ${back}`)
    assert.match(readFileSync(back, 'utf8'), /"name": "hello"/)
    await golden('cp-folder', `cp ${join(folder(), 'tree')} default/plain:${home.trim()}/tree -c hello`)
    assert.equal(await read('tree/deep/leaf.txt'), 'leaf\n')
    await golden('cp-missing-source', `cp ${join(folder(), 'nothing')} plain:/tmp/nothing`)
    await golden('cp-missing-pod', `cp ${from} nobody:/tmp/nothing`)
    await golden('cp-both-local', `cp ${from} ${back}`)
    await golden('cp-both-remote', 'cp plain:/a done:/b')
  })

  test('port-forward', async () => {
    await using forward = suite.cluster.follow('port-forward service/web :80')
    const port = await until('it listens', () => /127\.0\.0\.1:(\d+) -> 3000/.exec(forward.stdout())?.[1])
    assert.equal((await ask(`http://127.0.0.1:${port}/x`)).body, 'ahoy there /x\n')
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    socket.end('GET /half HTTP/1.0\r\n\r\n')
    assert.match(await text(socket), /ahoy there \/half\n$/)
    await golden('port-forward-missing', 'port-forward nobody :80')
    await golden('port-forward-waiting', 'port-forward waiting :80')
    await golden('port-forward-done', 'port-forward done :80')
    await golden('port-forward-bad-port', 'port-forward plain sail')
    await golden('port-forward-unknown-port', 'port-forward service/web :81')
    await golden('port-forward-no-port', 'port-forward plain')
  })

  test('proxy', async () => {
    await using proxy = suite.cluster.follow('proxy --port=0')
    const address = await until('it serves', () => /Starting to serve on (\S+)/.exec(proxy.stdout())?.[1])
    const { body } = await ask(`http://${address}/api/v1/namespaces/default/services/web:80/proxy/x`)
    assert.equal(body, 'ahoy there /x\n')
    assert.equal((await ask(`http://${address}/api/v1/namespaces/default/pods/plain/exec`)).status, 403)
    await golden('proxy-bad-port', 'proxy --port=70000')
  })

  test('logs and debug', async () => {
    await golden('logs-service', 'logs service/web')
    await golden('logs-prefix-selector', 'logs -l app=done --prefix --tail=1')
    await golden('logs-max-requests', 'logs -l app --max-log-requests=1 -f')
    await golden('logs-ignore-errors', 'logs waiting --ignore-errors')
    await golden('logs-nothing', 'logs')
    await golden('debug-pod', 'debug plain --image=busybox --profile=general -c probe')
    await golden('debug-no-image', 'debug plain')
    await golden('debug-node-missing', 'debug node/node-9 --image=busybox')
    assert.equal((await kubectl('logs nobody')).code, 1)
  })
}
