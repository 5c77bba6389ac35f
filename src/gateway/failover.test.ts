import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { allTo, gatewayTo, openApp } from './fixture.ts'
import type { Gateway } from './gateway.ts'

/** A replica in a process of its own, so that it can be killed as the kernel kills. */
async function startReplica(): Promise<{ child: ChildProcess; port: number }> {
  const script = `require('node:http').createServer((q, s) => setTimeout(() => s.end(String(process.pid)), 2))
    .listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, port: Number(line.toString()) }
}

function get(gateway: Gateway, agent: Agent, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port: gateway.address.port, agent, method }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('killing two of three replicas under load fails no GET', async () => {
  const replicas = await Promise.all([startReplica(), startReplica(), startReplica()])
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  try {
    await using gateway = await gatewayTo(allTo(...replicas.map((replica) => replica.port)))
    const answers = new Map<string, number>()
    let done = 0
    const client = async () => {
      while (done < 1500) {
        const { status, body } = await get(gateway, agent)
        assert.equal(status, 200, body)
        answers.set(body, (answers.get(body) ?? 0) + 1)
        done++
        if (done === 400) replicas[0]?.child.kill('SIGKILL')
        if (done === 900) replicas[1]?.child.kill('SIGKILL')
      }
    }
    await Promise.all(Array.from({ length: 16 }, client))
    assert.equal(answers.size, 3, 'all three served')
    for (const count of answers.values()) assert.ok(count > 50, 'requests spread')
    agent.destroy()
  } finally {
    for (const { child } of replicas) child.kill('SIGKILL')
  }
})

test('a POST is sent again when nothing of it was sent, and never when it may have been served', async () => {
  const served: string[] = []
  await using healthy = await openApp((request, response) => {
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  await using dying = await openApp((request) => {
    served.push(request.method ?? '')
    request.socket.destroy()
  })
  const gone = await openApp(() => {})
  await gone[Symbol.asyncDispose]()
  const agent = new Agent({ keepAlive: true })
  {
    await using gateway = await gatewayTo(allTo(gone.port, healthy.port))
    for (let n = 0; n < 20; n++) assert.equal((await get(gateway, agent, 'POST')).status, 200)
    gateway.update(allTo(dying.port))
    assert.match((await get(gateway, agent, 'POST')).body, /upstream-reset/)
    assert.deepEqual(served, ['POST'])
    gateway.update(allTo(dying.port, healthy.port))
    for (let n = 0; n < 20; n++) assert.equal((await get(gateway, agent)).status, 200)
    agent.destroy()
  }
})

test('connections that the app has closed while idle cost no request', async () => {
  await using app = await openApp((_, response) => response.end('x'))
  app.server.keepAliveTimeout = 1
  const agent = new Agent({ keepAlive: true })
  await using gateway = await gatewayTo(allTo(app.port))
  for (let n = 0; n < 50; n++) {
    assert.equal((await get(gateway, agent)).status, 200)
    if (n % 5 === 0) app.server.closeIdleConnections()
  }
  agent.destroy()
})

test('an endpoint that is removed gets no new request', async () => {
  await using one = await openApp((_, response) => response.end('one'))
  await using two = await openApp((_, response) => response.end('two'))
  const agent = new Agent({ keepAlive: true })
  await using gateway = await gatewayTo(allTo(one.port, two.port))
  for (let n = 0; n < 10; n++) await get(gateway, agent)
  gateway.update(allTo(two.port))
  for (let n = 0; n < 20; n++) assert.equal((await get(gateway, agent)).body, 'two')
  agent.destroy()
})
