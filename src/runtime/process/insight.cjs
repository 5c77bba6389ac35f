/* oxlint-disable no-restricted-globals -- plain CommonJS: it runs inside other people's programs, on Node.js 18 and later */
'use strict'

/**
 * What the agent may ask a Node.js program about itself. The preload loads this file when the agent connects for the first time,
 * and hands it the connections; a program that nobody asks about pays nothing.
 *
 * A question is a line of JSON, and the answer's head another:
 *   {"ask":"metrics"}                      {"metrics":{…}}
 *   {"ask":"cpu-profile","seconds":30}     {"ok":true}, and when the time is over, the file
 *   {"ask":"heap-snapshot"}                {"ok":true} and the file
 *   {"ask":"inspect"}                      {"ok":true,"socket":"PID.inspect.sock"}: lines of Chrome's DevTools protocol there, while
 *                                          this connection is open
 *   anything else, or not now              {"error":"…"}
 * A file comes as frames: four bytes of length, big-endian, and so many bytes. A frame of length 0 says that the file is whole; a
 * connection that ends without it broke off.
 *
 * Nothing in here keeps the program alive, and no failure of it reaches the program.
 */
const path = require('node:path')

const questionLengthMax = 1024
/** The file grows by some 100 KB a second. */
const profileSecondsMax = 300
/** Making the snapshot stops the program and takes as much memory again. */
const snapshotHeapBytesMax = 2 * 1024 ** 3
/** What takes samples stops when nobody has asked for this long. */
const watchMs = 3 * 60_000
/** How finely the loop's delay is known. Finer costs more: its timer wakes the process. */
const delayResolutionMs = 20
const frameBytesMax = 64 * 1024

exports.serve = function serve(socket) {
  socket.unref()
  socket.on('error', () => {}) // the agent went away
  let text = ''
  const onData = (chunk) => {
    text += chunk
    const end = text.indexOf('\n')
    if (end < 0 && text.length <= questionLengthMax) return
    socket.off('data', onData)
    socket.resume() // so that its end is noticed
    answer(socket, text.slice(0, Math.max(end, 0))).catch((error) => fail(socket, error))
  }
  socket.setEncoding('utf8')
  socket.on('data', onData)
}

async function answer(socket, line) {
  const question = JSON.parse(line)
  switch (question.ask) {
    case 'metrics':
      return void socket.end(`${JSON.stringify({ metrics: metrics() })}\n`)
    case 'cpu-profile':
      return exclusively(() => cpuProfile(socket, Number(question.seconds)))
    case 'heap-snapshot':
      return exclusively(() => heapSnapshot(socket))
    case 'inspect':
      return exclusively(() => inspect(socket))
    default:
      throw new Error('no such question')
  }
}

const fail = (socket, error) => {
  const isDenied = error && error.code === 'ERR_ACCESS_DENIED'
  const why = isDenied
    ? "the program runs under Node.js's permission model, which doesn't let this be asked"
    : String((error && error.message) || error)
  socket.end(`${JSON.stringify({ error: why })}\n`)
}

/** What goes on; undefined when nothing does. */
let current
/** Who has just gone away takes a moment to be gone. */
const currentWaitMs = 1000

/** Two at once would be in each other's results. */
async function exclusively(act) {
  if (current)
    await Promise.race([current, new Promise((resolve) => setTimeout(resolve, currentWaitMs).unref())])
  if (current)
    throw new Error('this process is already being profiled or inspected; try again when that is over')
  const done = act()
  current = done.then(
    () => (current = undefined),
    () => (current = undefined),
  )
  await done
}

// Numbers

/** What takes samples, from the first question on; undefined while nobody asks. */
let watch

function metrics() {
  const { performance } = require('node:perf_hooks')
  const v8 = require('node:v8')
  const isFirst = watch === undefined
  watch = watch || startWatch()
  watch.end.refresh()
  const utilization = performance.eventLoopUtilization()
  const since = performance.eventLoopUtilization(utilization, watch.utilization)
  watch.utilization = utilization
  const delay = isFirst ? undefined : delayOf(watch.delay)
  watch.delay.reset()
  const { heapTotal, heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
  return {
    pid: process.pid,
    version: process.version,
    uptimeSeconds: process.uptime(),
    utilization: isFirst ? utilization.utilization : since.utilization,
    ...(delay && { delay }),
    memory: { heapTotal, heapUsed, external, arrayBuffers, rss },
    heapLimitBytes: v8.getHeapStatistics().heap_size_limit,
    spaces: v8.getHeapSpaceStatistics().map((space) => ({
      name: space.space_name,
      usedBytes: space.space_used_size,
      sizeBytes: space.space_size,
      availableBytes: space.space_available_size,
    })),
    gc: watch.gc,
    resources: activeResources(),
    ...connections(),
  }
}

const gcKinds = { 1: 'minor', 2: 'minor', 4: 'major', 8: 'incremental', 16: 'weakcb' }

function startWatch() {
  const { monitorEventLoopDelay, performance, PerformanceObserver } = require('node:perf_hooks')
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs })
  delay.enable()
  const gc = gcTotals
  const observer = new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries()) {
      const kind = gcKinds[detail && detail.kind] || 'other'
      const total = gc[kind] || (gc[kind] = { count: 0, seconds: 0 })
      total.count++
      total.seconds += duration / 1e3
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const end = setTimeout(() => {
    watch = undefined
    delay.disable()
    observer.disconnect()
  }, watchMs)
  end.unref()
  return { delay, gc, end, utilization: performance.eventLoopUtilization() }
}

/** Counters go on where they stopped. */
const gcTotals = {
  minor: { count: 0, seconds: 0 },
  major: { count: 0, seconds: 0 },
  incremental: { count: 0, seconds: 0 },
}

/** A timer's lateness: the histogram has the time from one call to the next. */
function delayOf(histogram) {
  if (!(histogram.count > 0 || histogram.max > 0)) return undefined
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e9 - delayResolutionMs / 1e3)
  return {
    mean: late(histogram.mean),
    p50: late(histogram.percentile(50)),
    p99: late(histogram.percentile(99)),
    max: late(histogram.max),
  }
}

/** By type, of what keeps the process alive. */
function activeResources() {
  const counts = {}
  const types = process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : []
  for (const type of types) counts[type] = (counts[type] || 0) + 1
  return counts
}

/** Servers are found by what they listen on, or by a connection: in a cluster's worker they listen on nothing of their own. */
function connections() {
  const net = require('node:net')
  const handles = process._getActiveHandles ? process._getActiveHandles() : []
  const servers = new Set()
  let outbound = 0
  for (const handle of handles) {
    if (handle instanceof net.Server) servers.add(handle)
    else if (handle instanceof net.Socket && !isStandard(handle)) {
      if (handle.server) servers.add(handle.server)
      else outbound++
    }
  }
  let inbound = 0
  let requests = 0
  for (const server of servers) {
    inbound += Number(server._connections) || 0
    requests += requestsOf(server)
  }
  return { connections: inbound, outbound, requests }
}

const isStandard = (socket) => typeof socket.fd === 'number' && socket.fd >= 0 && socket.fd <= 2

/** Whose answer is not yet written. Node.js itself keeps the list of an HTTP server's connections, for its timeouts. */
function requestsOf(server) {
  const symbol = Object.getOwnPropertySymbols(server).find(
    (each) => each.description === 'http.server.connections',
  )
  const list = symbol && server[symbol]
  if (!list || typeof list.all !== 'function') return 0
  let count = 0
  for (const { socket } of list.all())
    if (socket && socket._httpMessage && !socket._httpMessage.writableFinished) count++
  return count
}

// Files

async function cpuProfile(socket, seconds) {
  if (!(seconds > 0 && seconds <= profileSecondsMax)) {
    throw new Error(`a CPU profile takes more than 0 and at most ${profileSecondsMax} seconds`)
  }
  const { Session } = require('node:inspector')
  const session = new Session()
  session.connect()
  const post = (method) =>
    new Promise((resolve, reject) =>
      session.post(method, (error, result) => (error ? reject(error) : resolve(result))),
    )
  try {
    await post('Profiler.enable')
    await post('Profiler.start')
    socket.write('{"ok":true}\n')
    await passed(socket, seconds * 1000)
    const { profile } = await post('Profiler.stop')
    if (!socket.destroyed) await sendFile(socket, [Buffer.from(JSON.stringify(profile))])
  } finally {
    session.disconnect()
  }
}

/** Until the time is over or nobody waits any more. */
const passed = (socket, ms) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    timer.unref()
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })

async function heapSnapshot(socket) {
  const v8 = require('node:v8')
  const { used_heap_size: used } = v8.getHeapStatistics()
  if (used > snapshotHeapBytesMax) {
    throw new Error(`its heap of ${used} bytes is too large for a snapshot, which takes as much memory again`)
  }
  socket.write('{"ok":true}\n')
  await sendFile(socket, v8.getHeapSnapshot())
}

async function sendFile(socket, chunks) {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += frameBytesMax) {
      if (!(await sendFrame(socket, chunk.subarray(at, at + frameBytesMax)))) return
    }
  }
  socket.end(Buffer.alloc(4))
}

/** Resolves when there is room for more: false when nobody takes it. */
function sendFrame(socket, bytes) {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  socket.write(head)
  if (socket.write(bytes)) return Promise.resolve(!socket.destroyed)
  return new Promise((resolve) => {
    const settle = () => {
      socket.off('drain', settle)
      socket.off('close', settle)
      resolve(!socket.destroyed)
    }
    socket.on('drain', settle)
    socket.on('close', settle)
  })
}

// DevTools

/** In a thread of its own: this one stands still at a breakpoint. Nothing listens where other users or pods could reach it. */
function inspect(socket) {
  const { Worker } = require('node:worker_threads')
  const folder = path.join(__dirname, 'insight')
  const name = `${process.pid}.inspect.sock`
  return new Promise((resolve, reject) => {
    const worker = new Worker(path.join(__dirname, 'inspect-worker.cjs'), {
      workerData: { folder, name },
      execArgv: [],
      env: {},
    })
    worker.unref()
    worker.once('message', () => socket.write(`${JSON.stringify({ ok: true, socket: name })}\n`))
    worker.once('error', reject)
    worker.once('exit', resolve)
    socket.once('close', () => worker.postMessage('end'))
  })
}
