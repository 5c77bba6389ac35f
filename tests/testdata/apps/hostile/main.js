// Tries to do what a pod must not, and says of each attack whether it was held off. Bounded in all it does, and it changes nothing.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const { AGENT_PID, DATA_DIR, LOOPBACK_PORT, MARKER, MEMORY_DIRS, METADATA_PORT, ONLY, PATIENCE, SAMPAN_POD_ADDRESS, SHARED_PORT } =
  process.env
const require = createRequire(import.meta.url)
const processesMax = 1_200
const processLifeSeconds = 300
const connectMsMax = 5_000 * Number(PATIENCE)
const filesMax = 20_000

/** A marker in two halves, so that what is read of this program itself is not taken for the victim's. */
const marker = `${MARKER}-of-the-victim`

function attempt(attack) {
  try {
    return attack()
  } catch {
    return false // refused
  }
}

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)

function readsEnvironment() {
  return pids().some((pid) => attempt(() => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker)))
}

function finds(root, wanted) {
  let left = filesMax
  const look = (folder) =>
    attempt(() =>
      readdirSync(folder, { withFileTypes: true }).some((entry) => {
        if (left-- < 0) return false
        const path = join(folder, entry.name)
        // Its own mounts are put together there: all that the machine has mounted below /run, a project's files among them, would use up the bound.
        if (entry.isDirectory()) return entry.name !== 'merged' && look(path)
        return entry.isFile() && attempt(() => wanted(path))
      }),
    )
  return look(root)
}

const holdsMarker = (path) => readFileSync(path, 'utf8').includes(marker)

function victimPid() {
  return pids().find((pid) => attempt(() => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker)))
}

function readsMemory() {
  const pid = attempt(victimPid) || AGENT_PID
  const [begin] = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').find((line) => line.includes('[stack]')).split('-')
  const file = openSync(`/proc/${pid}/mem`, 'r')
  try {
    return readSync(file, Buffer.alloc(16), 0, 16, Number.parseInt(begin, 16)) === 16
  } finally {
    closeSync(file)
  }
}

function readsAgentKey() {
  return finds(join(DATA_DIR, 'credentials'), (path) => readFileSync(path, 'utf8').includes('PRIVATE KEY') || /client-key-data/.test(readFileSync(path, 'utf8')))
}

/** Signal 0 asks only whether it might. */
function signals() {
  const others = [AGENT_PID, attempt(victimPid)].filter(Boolean)
  return others.some((pid) => attempt(() => process.kill(Number(pid), 0)))
}

function makesNamespace() {
  return spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status === 0
}

/** Each by any of its ways. The last one of those to loopback the preload doesn't know. */
const loopbacks = ['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1', '::1', '::', '::ffff:7f00:1']
const { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env
const places = {
  // What every pod may reach, behind whatever wall.
  API: [[KUBERNETES_SERVICE_HOST], KUBERNETES_SERVICE_PORT],
  loopback: [loopbacks, LOOPBACK_PORT],
  shared: [[SAMPAN_POD_ADDRESS], SHARED_PORT],
  metadata: [['169.254.169.254'], METADATA_PORT],
}

function connects(host, port, msMax) {
  return new Promise((resolve) => {
    const socket = require('node:net').connect(Number(port), host, () => settle(true))
    const settle = (isConnected) => {
      socket.destroy()
      resolve(isConnected)
    }
    socket.on('error', () => settle(false))
    socket.setTimeout(msMax, () => settle(false))
  })
}

/** The names of those that are reached. Without the preload, which guards nothing against somebody who leaves it out. */
async function findReached() {
  const program = `
    ${connects.toString()}
    const ask = async ([name, [hosts, port]]) => {
      const answers = await Promise.all(hosts.map((host) => connects(host, port, ${connectMsMax})))
      if (answers.includes(true)) console.log(name)
    }
    Promise.all(Object.entries(${JSON.stringify(places)}).map(ask)).then(() => process.exit())`
  try {
    const { error, stdout } = spawnSync(process.execPath, ['--eval', program], { env: {}, encoding: 'utf8', timeout: 12 * connectMsMax })
    if (error) throw error
    return stdout.split('\n')
  } catch {
    // Nothing is started here.
    const reached = []
    for (const [name, [hosts, port]] of Object.entries(places))
      for (const host of hosts) if (await connects(host, port, connectMsMax)) reached.push(name)
    return reached
  }
}

/**
 * More processes than the bound, until the first that can't be made. They share the memory of the one that makes them, so a slow kernel
 * has them as soon as a fast one, and end with the pod.
 */
function forksFreely() {
  const program = `
import ctypes
libc = ctypes.CDLL(None)
count, stack, share_memory, sigchld = ${processesMax}, 4096, 0x100, 17
stacks = ctypes.create_string_buffer((count + 1) * stack)
top = ctypes.addressof(stacks) // 16 * 16
wait = ctypes.cast(libc.sleep, ctypes.c_void_p)
made = 0
while made < count and libc.clone(wait, ctypes.c_void_p(top + (made + 1) * stack), share_memory | sigchld, ctypes.c_void_p(${processLifeSeconds})) > 0:
    made += 1
open('made', 'w').write(str(made))`
  // Whatever it starts would hold a pipe open.
  const { error } = spawnSync('python3', ['-c', program], { cwd: homedir(), stdio: 'ignore' })
  if (error) throw error
  const made = Number(readFileSync(join(homedir(), 'made'), 'utf8'))
  console.log(`${made} processes made`)
  return made === processesMax
}

const attacks = {
  'reads the environment of another pod': readsEnvironment,
  'reads files of another pod': () => finds(join(DATA_DIR, 'node', 'pods'), holdsMarker),
  'reads the Secrets of another pod': () => MEMORY_DIRS.split(':').some((folder) => finds(folder, holdsMarker)),
  'reads the memory of another process': readsMemory,
  "reads the agent's key": readsAgentKey,
  'signals processes of others': signals,
  'makes a user namespace and mounts': makesNamespace,
  'starts processes without end': forksFreely,
  "reaches the node's loopback services": () => reached.includes('loopback'),
  'reaches services on all addresses by an address of pods': () => reached.includes('shared'),
  "reaches the cloud's metadata": () => reached.includes('metadata'),
}

const reached = await findReached()
console.log(`API ${reached.includes('API') ? 'reached' : 'not reached'}`)

const results = {}
// The bomb comes last: nothing could be started beside it.
const order = Object.keys(attacks).filter((name) => name.includes(ONLY ?? '')).toSorted((a, b) => Number(a.startsWith('starts')) - Number(b.startsWith('starts')))
for (const name of order) {
  try {
    results[name] = (await attacks[name]()) ? 'broken' : 'held'
  } catch {
    results[name] = 'held'
  }
}
console.log(`RESULTS ${JSON.stringify(results)}`)
process.exit(0)
