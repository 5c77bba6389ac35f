/**
 * Sampan as a service, told of by systemd itself: runs in a Linux of its own (`systemd.test.ts`), once at its first boot and once at its
 * second. Root's service and that of an ordinary user stand side by side.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { openApi } from '../support/api.ts'
import { until } from '../support/cluster.ts'

interface Service {
  readonly who: string
  readonly dataDir: string
  readonly ports: { readonly api: number; readonly tls: number; readonly gateway: number }
  /** Before each command. */
  readonly as: readonly string[]
  /** Of systemctl. */
  readonly manager: readonly string[]
  /** Below it lie the groups of apps. */
  readonly groups: string
}

const user = ['--reuid=1000', '--regid=1000', '--clear-groups']
const services: readonly Service[] = [
  {
    who: 'root',
    dataDir: '/var/lib/sampan',
    ports: { api: 8888, tls: 18888, gateway: 8080 },
    as: ['env'],
    manager: [],
    groups: '/sys/fs/cgroup',
  },
  {
    who: 'an ordinary user',
    dataDir: '/home/app/sampan',
    ports: { api: 8889, tls: 18889, gateway: 8081 },
    as: ['setpriv', ...user, 'env', 'HOME=/home/app', 'XDG_RUNTIME_DIR=/run/user/1000'],
    manager: ['--user'],
    groups: '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service',
  },
]
for (const service of services)
  describe(`the service of ${service.who}`, () => {
    if (process.env['BOOT'] === '1') installs(service)
    else comesBack(service)
  })

function installs(service: Service): void {
  it('is installed, runs, and its app has its limits', async () => {
    const { dataDir, ports } = service
    const listen = ['api', 'tls', 'gateway'] as const
    const names = { api: '--listen', tls: '--tls-listen', gateway: '--gateway-listen' }
    const addresses = listen.flatMap((name) => [names[name], `127.0.0.1:${ports[name]}`])
    await until('the user has a systemd', () => (isManaged(service) ? true : undefined))
    const said = run(service, process.execPath, [
      '/opt/sampan/bin/sampan',
      'service',
      'install',
      'up',
      ...addresses,
      '--data-dir',
      dataDir,
    ])
    assert.match(said, /sampan runs, and will after a reboot\n$/)
    await startCounter(service)
    const [group = ''] = groupsOf(service)
    assert.equal(readFileSync(join(group, 'memory.max'), 'utf8'), `${128 * 1024 * 1024}\n`)
    assert.equal(readFileSync(join(group, 'cpu.max'), 'utf8'), '50000 100000\n')
    assert.equal(readFileSync(join(group, 'pids.max'), 'utf8'), '1024\n')
  })

  if (service.who !== 'root') {
    it('leaves the app alone when it is restarted', () =>
      staysOver(service, () => systemctl(service, 'restart', 'sampan')))
    return
  }

  it('comes back when its first process is killed, and leaves the app alone', () =>
    staysOver(service, () => systemctl(service, 'kill', '--kill-who=main', '-s', 'KILL', 'sampan')))

  it('is stopped, and leaves the app alone', async () => {
    const before = processesOf(service)
    systemctl(service, 'stop', 'sampan')
    const state = systemctl(service, 'show', '-p', 'ActiveState,Result', 'sampan')
    assert.match(state, /Result=success\nActiveState=inactive/)
    assert.deepEqual(processesOf(service), before)
    await assert.rejects(logOf(service), 'nothing answers')
  })
}

function comesBack(service: Service): void {
  it('runs after a reboot, and has started the app again', async () => {
    const isBack = async () => {
      const { status } = await podOf(service)
      const [container] = status.containerStatuses ?? []
      return (container?.restartCount === 1 && container.state?.running) || undefined
    }
    await until('the app runs', isBack)
    assert.equal(await until('it counts', async () => (await logOf(service))[0]), 1)
    assert.equal(groupsOf(service).length, 1)
  })
}

/** The app goes on as the same processes, and none of its lines is lost. */
async function staysOver(service: Service, change: () => void): Promise<void> {
  const before = processesOf(service)
  assert.ok(before.length > 0)
  const { length } = await logOf(service)
  const main = mainPid(service)
  change()
  const isAnother = () => ![main, '0'].includes(mainPid(service))
  await until('systemd has started it again', () => isAnother() || undefined)
  const counted = await until('the log goes on', async () => {
    const lines = await logOf(service)
    return lines.length >= length + 5 ? lines : undefined
  })
  assert.deepEqual(
    counted,
    counted.map((_, index) => index + 1),
    'each line is there once, in its order',
  )
  assert.deepEqual(processesOf(service), before)
}

async function startCounter(service: Service): Promise<void> {
  const container = {
    name: 'app',
    image: 'dir:/srv/project/tests/testdata/apps/hello',
    command: ['node', '--eval', 'let n = 0; setInterval(() => console.log(++n), 500)'],
    resources: { limits: { cpu: '500m', memory: '128Mi' } },
  }
  const body = { metadata: { name: 'counter' }, spec: { containers: [container] } }
  const made = async () => {
    const { status } = await ask(service, 'POST', '', body)
    return status === 201 || undefined
  }
  await until('the server takes the pod', made)
  await until('it counts', async () => ((await logOf(service)).length > 0 ? true : undefined))
}

interface Pod {
  readonly status: { readonly containerStatuses?: readonly ContainerStatus[] }
}

interface ContainerStatus {
  readonly restartCount: number
  readonly state?: { readonly running?: object }
}

const podOf = async (service: Service): Promise<Pod> =>
  JSON.parse((await ask(service, 'GET', '/counter')).body) as Pod

/** What the app has counted so far. Throws when nobody answers, or there is no log. */
async function logOf(service: Service): Promise<readonly number[]> {
  const { status, body } = await ask(service, 'GET', '/counter/log')
  assert.equal(status, 200, body)
  return body.split('\n').filter(Boolean).map(Number)
}

async function ask({ dataDir }: Service, method: string, path: string, body?: object) {
  using api = await openApi(join(dataDir, 'kubeconfig'))
  return await api.ask({ method, path: `/api/v1/namespaces/default/pods${path}`, ...(body && { body }) })
}

/** Of the app: those of its container. */
const groupsOf = ({ groups }: Service): readonly string[] =>
  globSync(join(groups, 'sampan-*', '*_app_*', 'cgroup.procs')).map(dirname)

const processesOf = (service: Service): readonly string[] =>
  groupsOf(service).flatMap((group) =>
    readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean),
  )

const isManaged = ({ as, manager }: Service): boolean =>
  spawnSync(as[0] ?? '', [...as.slice(1), 'systemctl', ...manager, 'show-environment']).status === 0

const mainPid = (service: Service): string =>
  systemctl(service, 'show', '-p', 'MainPID', '--value', 'sampan').trim()

const systemctl = (service: Service, ...args: readonly string[]): string =>
  run(service, 'systemctl', [...service.manager, '--no-pager', ...args])

function run({ as: [first = '', ...rest] }: Service, program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(first, [...rest, program, ...args], { encoding: 'utf8' })
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr}`)
  return stdout
}
