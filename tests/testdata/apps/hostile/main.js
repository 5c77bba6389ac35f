// Tries to do what a pod must not, and says of each attack whether it was held off. Bounded in all it does, and it changes nothing.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

const { AGENT_PID, DATA_DIR, LOOPBACK_PORT, MARKER, MEMORY_DIRS, METADATA_PORT, ONLY, SAMPAN_POD_ADDRESS, SHARED_PORT, WITHOUT } =
  process.env
const processesMax = 1_200
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
        if (entry.isDirectory()) return look(path)
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

/** One of them. Without the preload, which guards nothing against somebody who leaves it out. */
async function reaches(hosts, port) {
  const program = `
    let left = ${hosts.length}
    for (const host of ${JSON.stringify(hosts)})
      require('node:net').connect(${Number(port)}, host).on('connect', () => process.exit(0)).on('error', () => --left || process.exit(1))
    setTimeout(() => process.exit(1), 5_000)`
  try {
    return spawnSync(process.execPath, ['--eval', program], { env: {}, timeout: 60_000 }).status === 0
  } catch {
    // Nothing is started here.
    for (const host of hosts) if (await connects(host, port)) return true
    return false
  }
}

const connects = (host, port) =>
  new Promise((resolve) => {
    const settle = (isConnected) => {
      socket.destroy()
      resolve(isConnected)
    }
    const socket = connect(Number(port), host, () => settle(true))
    socket.on('error', () => settle(false))
    socket.setTimeout(5_000, () => settle(false))
  })

/** The decoy listens on 127.0.0.1 and ::1; the others are ways of writing the same. The last one the preload doesn't know. */
const loopbacks = ['127.0.0.1', '0.0.0.0', '::ffff:127.0.0.1', '::1', '::', '::ffff:7f00:1']

/** More processes than the bound, by a shell, which gives up at the first that it can't make. They end with the pod. */
function forksFreely() {
  const program = `n=0; while [ $n -lt ${processesMax} ]; do /bin/sleep 120 2>/dev/null & n=$((n + 1)); done; echo made >&2`
  return spawnSync('/bin/sh', ['-c', program], { stdio: ['ignore', 'ignore', 'pipe'] }).stderr.includes('made')
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
  "reaches the node's loopback services": () => reaches(loopbacks, LOOPBACK_PORT),
  'reaches services on all addresses by an address of pods': () => reaches([SAMPAN_POD_ADDRESS], SHARED_PORT),
  "reaches the cloud's metadata": () => reaches(['169.254.169.254'], METADATA_PORT),
}

// What every pod may reach, behind whatever wall.
const { KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env
console.log(`API ${(await reaches([KUBERNETES_SERVICE_HOST], KUBERNETES_SERVICE_PORT)) ? 'reached' : 'not reached'}`)

const results = {}
// The bomb comes last: nothing could be started beside it.
const order = Object.keys(attacks).filter((name) => name.includes(ONLY ?? '') && !(WITHOUT ?? '').split(',').includes(name)).toSorted((a, b) => Number(a.startsWith('starts')) - Number(b.startsWith('starts')))
for (const name of order) {
  try {
    results[name] = (await attacks[name]()) ? 'broken' : 'held'
  } catch {
    results[name] = 'held'
  }
}
console.log(`RESULTS ${JSON.stringify(results)}`)
process.exit(0)
