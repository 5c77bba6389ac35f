/** exec, attach, port-forward, cp and proxy with the real kubectl, over WebSocket and over SPDY. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { kubectlPath } from '../support/kubectl.ts'
import { deployment, image, pod, service, yaml } from '../support/manifests.ts'
import { isMissing } from '../support/needs.ts'

let cluster: Cluster
const folder = mkdtempSync(join(tmpdir(), 'sampan-streams-'))

before(async () => {
  cluster = await openCluster()
  const web = deployment({
    name: 'web',
    app: 'sockets',
    container: {
      env: [{ name: 'GREETING', value: 'ahoy there' }],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    },
  })
  Object.assign(web.spec.template.spec, { volumes: [{ name: 'data', emptyDir: {} }] })
  const plain = pod('plain', 'hello', { spec: { automountServiceAccountToken: false } })
  const done = pod('done', 'logger', { spec: { restartPolicy: 'Never' } })
  cluster.ok('apply -f -', { input: yaml(web, service('web'), done, plain) })
  cluster.ok('rollout status deployment/web --timeout=60s')
  cluster.ok('wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=60s')
  cluster.ok('wait --for=condition=Ready pod/plain --timeout=60s')
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

interface Result {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(kubectlPath(), ['--cache-dir', join(cluster.dataDir, 'kubectl-cache'), ...args], {
    env: { PATH: process.env['PATH'], HOME: cluster.dataDir, KUBECONFIG: cluster.kubeconfig, ...env },
    timeout: 60_000,
  })

/** kubectl with bytes on both ends, while this process goes on. */
async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stdin: Uint8Array = Buffer.alloc(0),
): Promise<Result> {
  const child = start(args, env)
  child.stdin?.on('error', () => {}) // it may end before it has read everything
  child.stdin?.end(stdin)
  assert.ok(child.stdout && child.stderr)
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr)])
  const [code] = (await closed) as [number | null]
  return { code, stdout, stderr }
}

/** By a mark in its arguments: a sandbox has pids of its own. */
const hasEnded = (mark: string): true | undefined =>
  readdirSync('/proc').some((name) => /^\d+$/.test(name) && commandOf(name).includes(mark)) ? undefined : true

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has just ended
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const podName = () => cluster.ok('get pod -l app=web -o jsonpath={.items[0].metadata.name}')
/** A terminal for kubectl itself. */
const inTerminal = (command: string, env: NodeJS.ProcessEnv): ChildProcess =>
  spawn('script', ['-qec', `stty cols 132 rows 43; exec '${kubectlPath()}' ${command}`, '/dev/null'], {
    env: { PATH: process.env['PATH'], HOME: cluster.dataDir, KUBECONFIG: cluster.kubeconfig, ...env },
    timeout: 60_000,
  })

const noSuchProgram =
  'Error from server (InternalError): Internal error occurred: error executing command in container: exec: "no-such-program": executable file not found in $PATH\n'

for (const transport of ['WebSocket', 'SPDY'] as const) {
  const flag = transport === 'WebSocket' ? 'true' : 'false'
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: flag, KUBECTL_PORT_FORWARD_WEBSOCKETS: flag }

  describe(`over ${transport}`, () => {
    test('exec keeps the outputs apart and hands the exit code on', async () => {
      const script = 'echo "$GREETING"; echo oops >&2; exit 42'
      const { code, stdout, stderr } = await run(['exec', 'deploy/web', '--', 'sh', '-c', script], env)
      assert.equal(stdout.toString(), 'ahoy there\n')
      assert.equal(stderr, 'oops\ncommand terminated with exit code 42\n')
      assert.equal(code, 42)
      assert.equal((await run(['exec', 'deploy/web', '--', 'true'], env)).code, 0)
    })

    test('exec says what stands in its way', async () => {
      const web = podName()
      const refusals: [string[], string][] = [
        [['nobody', '--', 'true'], 'Error from server (NotFound): pods "nobody" not found\n'],
        [
          [web, '-c', 'x', '--', 'true'],
          `Error from server (BadRequest): container x is not valid for pod ${web}\n`,
        ],
        [
          ['done', '--', 'true'],
          'error: cannot exec into a container in a completed pod; current phase is Succeeded\n',
        ],
        [['plain', '--', 'no-such-program'], noSuchProgram],
        [[web, '--', 'no-such-program'], noSuchProgram],
        [['-t', web, '--', 'no-such-program'], noSuchProgram],
      ]
      for (const [args, message] of refusals) {
        const { code, stderr } = await run(['exec', ...args], env)
        assert.deepEqual([code, stderr], [1, message])
      }
    })

    test('20 MB go through a command and come back the same', async () => {
      const bytes = randomBytes(20_000_000)
      const { code, stdout } = await run(['exec', '-i', 'deploy/web', '--', 'cat'], env, bytes)
      assert.equal(code, 0)
      assert.equal(sha256(stdout), sha256(bytes))
    })

    test('much both ways on one connection to the node does not stall it', async () => {
      const bytes = randomBytes(8_000_000)
      const results = await Promise.all(
        Array.from({ length: 6 }, () => run(['exec', '-i', 'deploy/web', '--', 'cat'], env, bytes)),
      )
      for (const { stdout } of results) assert.equal(sha256(stdout), sha256(bytes))
    })

    test('the end of stdin reaches the command, whose answer still comes', async () => {
      const { stdout } = await run(
        ['exec', '-i', 'deploy/web', '--', 'sh', '-c', 'cat >/dev/null; echo read all'],
        env,
        randomBytes(100_000),
      )
      assert.equal(stdout.toString(), 'read all\n')
    })

    test('a command that stops reading ends the exec', async () => {
      const { code, stdout } = await run(
        ['exec', '-i', 'deploy/web', '--', 'head', '-c', '3'],
        env,
        Buffer.alloc(2_000_000, 'x'),
      )
      assert.deepEqual([code, stdout.toString()], [0, 'xxx'])
    })

    test('twenty commands at once do not disturb each other', async () => {
      const numbers = Array.from({ length: 20 }, (_, i) => String(i))
      const results = await Promise.all(
        numbers.map((n) => run(['exec', 'deploy/web', '--', 'sh', '-c', `sleep 0.2; echo ${n}`], env)),
      )
      assert.deepEqual(
        results.map(({ stdout }) => stdout.toString().trim()),
        numbers,
      )
    })

    test('a terminal has the size of the client, echoes, and hands the exit code on', async (t) => {
      if (isMissing(t, 'script', 'a terminal for kubectl')) return
      const child = inTerminal(
        `exec -it ${podName()} -- sh -c 'test -t 1 && stty size; read line; echo "got $line"; exit 5'`,
        env,
      )
      let seen = ''
      child.stdout?.on('data', (chunk) => (seen += String(chunk)))
      await until('the size is printed', () => (/43 132\r\n/.test(seen) ? true : undefined))
      child.stdin?.write('typed\r')
      const [code] = (await once(child, 'close')) as [number | null]
      assert.match(seen, /typed\r\ngot typed\r\n/)
      assert.equal(code, 5)
    })

    test('a client that goes away takes its command along', async () => {
      const script = `echo up; sleep 1000; : going-${transport}-${process.pid}`
      const child = start(['exec', 'deploy/web', '--', 'sh', '-c', script], env)
      assert.ok(child.stdout)
      await once(child.stdout, 'data')
      child.kill('SIGKILL')
      await until('the command has ended', () => hasEnded(`going-${transport}-${process.pid}`))
    })

    test('an input that breaks off does not look complete to the command', async () => {
      const script = `echo up; cat >/data/partial-${process.pid} && touch /data/whole-${transport}`
      const child = start(['exec', '-i', 'deploy/web', '--', 'sh', '-c', script], env)
      assert.ok(child.stdout)
      child.stdin?.write('half of it')
      await once(child.stdout, 'data')
      child.kill('SIGKILL')
      await until('the command has ended', () => hasEnded(`partial-${process.pid}`))
      const { stdout } = await run(['exec', 'deploy/web', '--', 'ls', '/data'], env)
      assert.doesNotMatch(stdout.toString(), new RegExp(`whole-${transport}`))
    })

    test('cp brings files in and out, also into volumes', async () => {
      const [from, back] = [join(folder, `from-${transport}`), join(folder, `back-${transport}`)]
      writeFileSync(from, randomBytes(3_000_000))
      const there = `${podName()}:/data/file-${transport}`
      assert.deepEqual(await run(['cp', from, there], env), { code: 0, stdout: Buffer.alloc(0), stderr: '' })
      assert.equal((await run(['cp', there, back], env)).code, 0)
      assert.ok(readFileSync(from).equals(readFileSync(back)))
      const { stdout } = await run(['exec', 'deploy/web', '--', 'ls', '/data'], env)
      assert.match(stdout.toString(), new RegExp(`^file-${transport}$`, 'm'))
    })

    test('attach shows what the container writes from now on', async () => {
      const child = start(['attach', podName()], env)
      let [out, err] = ['', '']
      child.stdout?.on('data', (chunk) => (out += String(chunk)))
      child.stderr?.on('data', (chunk) => (err += String(chunk)))
      await until('ticks come', () =>
        /tick \d+\ntick/.test(out) && /tock \d+\ntock/.test(err) ? true : undefined,
      )
      assert.doesNotMatch(out, /^tick 1$/m)
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
    })

    test('attach ends with the container, and refuses an input that nobody would read', async () => {
      const name = `brief-${transport.toLowerCase()}`
      cluster.ok('apply -f -', {
        input: yaml(pod(name, 'logger', { env: { LINGER: '1' }, spec: { restartPolicy: 'Never' } })),
      })
      cluster.ok(`wait --for=condition=Ready pod/${name} --timeout=60s`)
      const refused = await run(['attach', '-i', name], env)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /container "logger" has no stdin; set stdin: true in its spec/)
      const child = start(['attach', name], env)
      child.stdin?.end()
      assert.ok(child.stdout)
      const closed = once(child, 'close')
      await once(child.stdout, 'data')
      child.stdout.resume()
      cluster.ok(`delete pod ${name} --grace-period=1`)
      assert.deepEqual(await closed, [0, null])
    })

    test('run -i gives a program its input, and the end of it', async () => {
      const name = `typed-${transport.toLowerCase()}`
      // kubectl takes no image that is a folder.
      const overrides = JSON.stringify({ spec: { containers: [{ name, image: image('hello') }] } })
      const flags = [
        '-i',
        '--rm',
        '--quiet',
        '--restart=Never',
        '--image=replaced',
        '--override-type=strategic',
      ]
      const args = ['run', name, ...flags, `--overrides=${overrides}`, '--command', '--', 'cat']
      const result = await run(args, env, Buffer.from('one\ntwo\n'))
      assert.deepEqual([result.code, result.stderr], [0, ''])
      assert.equal(result.stdout.toString(), 'one\ntwo\n')
    })

    test('a stdin that is not only once stays open from one client to the next', async () => {
      const name = `reader-${transport.toLowerCase()}`
      const reader = pod(name, 'hello')
      Object.assign(reader.spec.containers[0] ?? {}, {
        stdin: true,
        command: ['sh', '-c', 'while read -r line; do echo "got $line"; done; echo end; sleep 100'],
      })
      cluster.ok('apply -f -', { input: yaml(reader) })
      cluster.ok(`wait --for=condition=Ready pod/${name} --timeout=60s`)
      for (const word of ['one', 'two']) {
        const child = start(['attach', '-i', name], env)
        let out = ''
        child.stdout?.on('data', (chunk) => (out += String(chunk)))
        child.stdin?.end(`${word}\n`)
        await until(`the program has read ${word}`, () => (out.includes(`got ${word}\n`) ? true : undefined))
        const closed = once(child, 'close')
        child.kill('SIGTERM')
        await closed
      }
      assert.equal(cluster.ok(`logs ${name}`), 'got one\ngot two\n')
      cluster.ok(`delete pod ${name} --grace-period=1`)
    })

    test('port-forward carries several connections at once, with half-closes and refusals', async () => {
      await using forward = await openForward(['deploy/web', ':3000', ':4000', ':4999'], env)
      const [http = 0, tcp = 0, nobody = 0] = forward.ports
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          ask(`http://127.0.0.1:${http}/${i}`, { method: 'POST', body: `body ${i}` }),
        ),
      )
      assert.deepEqual(
        answers.map(({ body }) => (JSON.parse(body) as { readonly body: string }).body),
        answers.map((_, i) => `body ${i}`),
      )
      const sent = Array.from({ length: 5 }, () => randomBytes(2_000_000))
      const echoed = await Promise.all(sent.map((bytes) => exchange(tcp, bytes)))
      assert.deepEqual(echoed.map(sha256), sent.map(sha256))
      assert.equal((await exchange(nobody, Buffer.from('anybody?'))).length, 0)
      await until('the refusal is told', () =>
        /dial tcp [\d.]+:4999: connect: connection refused/.test(forward.stderr()) ? true : undefined,
      )
    })

    test('port-forward finds the pod of a service', async () => {
      await using forward = await openForward(['service/web', ':80'], env)
      assert.match((await ask(`http://127.0.0.1:${forward.ports[0]}/x`)).body, /"url":"\/x"/)
    })
  })

  const openForward = async (args: readonly string[], more: NodeJS.ProcessEnv) => {
    const child = start(['port-forward', ...args], more)
    let [out, err] = ['', '']
    child.stdout?.on('data', (chunk) => (out += String(chunk)))
    child.stderr?.on('data', (chunk) => (err += String(chunk)))
    const closed = once(child, 'close')
    const portsOf = () =>
      [...out.matchAll(/^Forwarding from 127\.0\.0\.1:(\d+) ->/gm)].map(([, port]) => Number(port))
    const count = args.length - 1
    const ports = await until(`it listens: ${err}`, () =>
      portsOf().length === count ? portsOf() : undefined,
    )
    return {
      ports,
      stderr: () => err,
      async [Symbol.asyncDispose]() {
        child.kill('SIGTERM')
        await closed
      },
    }
  }
}

/** Sends, ends, and reads the answer. */
async function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.end(bytes)
  return await buffer(socket).catch(() => Buffer.alloc(0)) // reset: nobody is there
}

interface Echo {
  readonly method: string
  readonly url: string
  readonly body: string
  readonly authorization?: string
  readonly mine?: string
}

describe('proxy', () => {
  const base = '/api/v1/namespaces/default'
  const raw = (path: string) => cluster.kubectl(['get', '--raw', base + path])

  test('reaches pods and services by number, by name and by default', () => {
    const web = podName()
    for (const place of [
      `pods/${web}:3000`,
      `pods/${web}`,
      'services/web:80',
      'services/web:http',
      'services/http:web:',
      'services/web',
    ]) {
      const { stdout, stderr } = raw(`/${place}/proxy/a/b?x=1&y=2`)
      assert.equal(stderr, '')
      assert.equal((JSON.parse(stdout) as Echo).url, '/a/b?x=1&y=2', place)
    }
    assert.equal((JSON.parse(raw('/services/web/proxy').stdout) as Echo).url, '/')
  })

  test('says what stands in its way', () => {
    const web = podName()
    const refusals: [string, RegExp][] = [
      [
        `/pods/${web}:4999/proxy/`,
        /^Error from server \(ServiceUnavailable\): error trying to reach service: dial tcp [\d.]+:4999: connect: connection refused\n$/,
      ],
      ['/pods/nobody/proxy/', /\(NotFound\): pods "nobody" not found/],
      ['/services/nobody/proxy/', /\(NotFound\): services "nobody" not found/],
      ['/services/web:nope/proxy/', /\(ServiceUnavailable\): no service port "nope" found for service "web"/],
      [`/pods/ftp:${web}:1/proxy/`, /\(BadRequest\): invalid proxy request/],
    ]
    for (const [path, message] of refusals) assert.match(raw(path).stderr, message, path)
  })

  test('passes bodies, headers and cookies through kubectl proxy, streams, and keeps credentials to itself', async () => {
    const child = start(['proxy', '--port=0'])
    try {
      assert.ok(child.stdout)
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const url = `http://${/[\d.]+:\d+/.exec(String(line))?.[0]}${base}/services/web/proxy`
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const { body } = await ask(`${url}/p`, {
          method,
          body: 'some text',
          headers: { 'x-mine': 'yes', 'content-length': '9' },
        })
        assert.deepEqual(JSON.parse(body), { method, url: '/p', body: 'some text', mine: 'yes' })
      }
      const { headers } = await ask(`${url}/cookies`)
      assert.deepEqual(headers['set-cookie'], ['a=1; Path=/', 'b=2, c; Path=/'])
      assert.equal((await ask(`${url}/stream`)).body, 'first second')
      const redirect = await ask(url)
      assert.deepEqual([redirect.status, redirect.headers.location], [301, `${base}/services/web/proxy/`])
      assert.equal((await ask(`${url}/`, { method: 'HEAD' })).status, 200)
    } finally {
      child.kill('SIGTERM')
    }
  })

  test('changes nothing in the path and the query', async () => {
    const url = new URL(`${base}/services/web/proxy/a%2Fb//c/?x=1&&y=%20`, cluster.apiUrl)
    const call = request(url, await credentials())
    call.end()
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    assert.equal((JSON.parse(await text(response)) as Echo).url, '/a%2Fb//c/?x=1&&y=%20')
  })

  test('lets an upgrade through to the app', async () => {
    const call = request(new URL(`${base}/pods/${podName()}:3000/proxy/ws`, cluster.apiUrl), {
      ...(await credentials()),
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        'sec-websocket-version': '13',
      },
    })
    call.end()
    const [response, socket] = (await once(call, 'upgrade')) as [{ headers: Record<string, string> }, Socket]
    assert.equal(response.headers['upgrade'], 'echo')
    socket.write('to and fro')
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    assert.equal(String(chunk), 'to and fro')
    socket.destroy()
  })

  test('a node answers for its health and its logs', () => {
    assert.equal(cluster.ok(['get', '--raw', '/api/v1/nodes/node-1/proxy/healthz']), 'ok')
    assert.match(
      cluster.ok([
        'get',
        '--raw',
        `/api/v1/nodes/node-1/proxy/containerLogs/default/${podName()}/web?tailLines=1`,
      ]),
      /t[io]ck/,
    )
    assert.match(
      cluster.kubectl(['get', '--raw', '/api/v1/nodes/node-9/proxy/healthz']).stderr,
      /node "node-9" can't be reached/,
    )
  })
})

const credentials = async () => {
  const { ca, cert, key } = await readKubeconfig(cluster.kubeconfig)
  return { ca, cert, key }
}

test('a browser watches on a WebSocket', async () => {
  const url = new URL('/api/v1/namespaces/default/configmaps?watch=true', cluster.apiUrl)
  const socket = new WebSocket(url, ['base64.binary.k8s.io'], await credentials())
  const events: string[] = []
  socket.on('message', (message: Buffer, isBinary) => {
    assert.equal(isBinary, false)
    const event = JSON.parse(String(message)) as { type: string; object: { metadata: { name: string } } }
    events.push(`${event.type} ${event.object.metadata.name}`)
  })
  await once(socket, 'open')
  assert.equal(socket.protocol, 'base64.binary.k8s.io')
  cluster.ok('create configmap seen')
  cluster.ok('delete configmap seen')
  await until('both are seen', () => (events.includes('DELETED seen') ? true : undefined))
  assert.ok(events.includes('ADDED seen'))
  socket.close()
})

test('kubectl debug is refused with the reason', async () => {
  const { code, stderr } = await run(['debug', podName(), '--image=busybox', '--profile=general'], {})
  assert.equal(code, 1)
  assert.match(
    stderr,
    /\(MethodNotAllowed\): ephemeral containers can't be added to pod .* use kubectl exec instead/,
  )
})
