/* oxlint-disable no-restricted-globals -- plain CommonJS: it runs inside other people's programs, on Node.js 18 and later */
'use strict'

/**
 * Preloaded into every Node.js process of a pod (NODE_OPTIONS=--require). Gives the pod a localhost of its own: what
 * the program binds to "all addresses" or to localhost is bound to the pod's 127.x address, and what it connects to on
 * localhost is looked for there. So replicas that hard-code the same port run side by side, and a pod that calls its
 * own localhost reaches itself and nobody else. A refused connection is not tried anywhere else.
 *
 * The program should not notice: `server.address()` tells what was asked for, Unix sockets, inherited descriptors and
 * other addresses are left alone, nothing enumerable is added, errors are Node's own.
 *
 * One thing on the machine's own localhost is still reached there: the API server, whose address is in SAMPAN_PASS.
 *
 * Names and addresses of the cluster (Services, pods of other nodes) mean nothing to this machine. Where SAMPAN_NET names
 * the agent's socket, a connection to what may be one of them is asked about there first, and goes where the agent says.
 *
 * A pod in a network of its own (network/network-keeper.ts) finds nothing but other pods there. SAMPAN_OUT names the socket of its
 * keeper, which is asked before every connection to the outside, and told when the program listens.
 *
 * What it cannot do: names other than localhost that resolve to 127.0.0.1 lead to the machine's loopback, as do native
 * code and child processes whose environment was emptied.
 */
const podAddress = process.env.SAMPAN_POD_ADDRESS
const outSocket = process.env.SAMPAN_OUT
const clusterSocket = outSocket || process.env.SAMPAN_NET
const clusterNamespace = process.env.SAMPAN_NAMESPACE
let connectPlainly // net.Socket.prototype.connect as Node.js made it
if (/^\d{1,3}(\.\d{1,3}){3}$/.test(podAddress)) install(podAddress)
for (const name of ['stdout', 'stderr']) outliveFullDisk(name)
postponeWebSocket()
openInsight()

function install(address) {
  const net = require('node:net')
  const asked = new WeakMap() // server → { host, family } which the program asked for
  patch(net.Server.prototype, 'listen', (original) => listenOn(original, address, asked))
  patch(net.Server.prototype, 'address', (original) => askedAddress(original, address, asked))
  patch(net.Socket.prototype, 'connect', (original) => {
    const local = connectTo(original, address)
    return clusterSocket ? connectInCluster(original, local) : local
  })
  if (clusterSocket) patchLookup(require('node:dns'))
  patchDatagrams(require('node:dgram'), address)
  require('node:module').syncBuiltinESMExports()
}

/**
 * The agent can look into each Node.js process of the pod: by a Unix socket in the folder beside this file, behind which
 * `insight.cjs` answers. Until somebody connects, this costs a descriptor. It keeps nothing alive, and where it can't be had
 * (a thread, a file system that may not be written to) the program runs without it.
 */
function openInsight() {
  // A child that is through by then has no use for it, and the program itself is not delayed.
  const afterMs = 500
  // More than a pod has processes, mostly. Above it, what ended processes have left is removed.
  const filesMax = 32
  const { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync } = require('node:fs')
  const folder = require('node:path').join(__dirname, 'insight')
  const { Server } = require('node:net')
  // oxlint-disable-next-line typescript/unbound-method -- called on the server; a program may replace the method
  const { listen } = Server.prototype
  const file = `${process.pid}.new`
  const open = () => {
    if (!existsSync(folder) || !require('node:worker_threads').isMainThread) return
    const others = readdirSync(folder)
    if (others.length > filesMax) for (const other of others) removeEnded(other)
    rmSync(`${folder}/${file}`, { force: true }) // of an earlier process with this pid
    const server = new Server((socket) => require('./insight.cjs').serve(socket))
    server.on('error', () => {}) // then there is none
    // The path through the descriptor is short, however long the folder's is: a socket's path has 107 characters at most.
    const descriptor = openSync(folder, 'r')
    // A worker of a cluster would otherwise leave the listening to its primary.
    listen.call(server, { path: `/proc/self/fd/${descriptor}/${file}`, exclusive: true })
    server.unref()
    closeSync(descriptor)
    // Under its name once it listens: who was refused before would take the process for ended.
    renameSync(`${folder}/${file}`, `${folder}/${process.pid}.sock`)
  }
  const removeEnded = (other) => {
    try {
      process.kill(Number.parseInt(other, 10), 0)
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(`${folder}/${other}`, { force: true })
    }
  }
  setTimeout(() => {
    try {
      open()
    } catch {
      // Not here, then.
    }
  }, afterMs).unref()
}

/**
 * The program's output is a file. Node.js writes to files at once and throws when the disk is full, so that a line
 * of log would end the program; here such a line is lost and the program goes on. The stream is not made before the
 * program asks for it.
 */
function outliveFullDisk(name) {
  const descriptor = Object.getOwnPropertyDescriptor(process, name)
  if (!descriptor || !descriptor.get) return
  let isPatched = false
  const get = () => {
    const stream = descriptor.get.call(process)
    if (isPatched) return stream
    isPatched = true
    if (stream && stream.constructor.name === 'SyncWriteStream') {
      const write = stream._write
      // Newer Node.js passes the error on, older throws it.
      const tolerant = function (chunk, encoding, callback) {
        const done = (error) => callback(isFull(error) ? null : error)
        try {
          write.call(this, chunk, encoding, done)
        } catch (error) {
          if (!isFull(error)) throw error
          callback(null)
        }
      }
      Object.defineProperty(stream, '_write', {
        value: tolerant,
        enumerable: false,
        configurable: true,
        writable: true,
      })
    }
    return stream
  }
  Object.defineProperty(process, name, { ...descriptor, get })
}

/**
 * An ES module that imports node:http gets all that this exports. From version 22 on three of them are classes of Node's WebSocket,
 * and Node.js loads fetch and TLS to have them: half of the start of a small server, and 12 MiB, for what hardly any server
 * asks node:http for. Here such a module gets stand-ins, which load the classes when they are used. Everybody else gets the classes.
 */
function postponeWebSocket() {
  if (Number.parseInt(process.versions.node, 10) < 22) return
  const http = require('node:http')
  for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) {
    const descriptor = Object.getOwnPropertyDescriptor(http, name)
    if (!descriptor || !descriptor.get || !descriptor.configurable) continue
    const load = () => descriptor.get.call(http)
    let standIn
    const get = () => (isForImports() ? (standIn ||= standInFor(load)) : load())
    Object.defineProperty(http, name, { ...descriptor, get })
  }
}

/** Whether it is Node.js that asks, for the exports of its module, and not the program: known by who calls the getter. */
const isForImports = () =>
  String(new Error().stack).split('\n', 5).join('').includes('(node:internal/bootstrap/realm:')

/** A class that is loaded when it is first looked into. It isn't the same as the class itself; all else is. */
function standInFor(load) {
  const target = function () {}.bind() // can be constructed, and has no prototype of its own that would stand in the way
  for (const name of ['name', 'length']) delete target[name]
  let loaded
  const real = () => {
    if (loaded) return loaded
    loaded = load()
    // What never changes there a Proxy may only tell of when it has it, too.
    for (const key of Reflect.ownKeys(loaded)) {
      const descriptor = Object.getOwnPropertyDescriptor(loaded, key)
      if (!descriptor.configurable) Object.defineProperty(target, key, descriptor)
    }
    return loaded
  }
  const handler = {}
  for (const trap of Object.getOwnPropertyNames(Reflect))
    handler[trap] = (_, ...rest) => Reflect[trap](real(), ...rest)
  handler.get = (_, key) => real()[key]
  handler.construct = (_, args, by) => Reflect.construct(real(), args, by === standIn ? real() : by)
  const standIn = new Proxy(target, handler)
  return standIn
}

const isFull = (error) => Boolean(error) && (error.code === 'ENOSPC' || error.code === 'EDQUOT')

/** Replaces a method by one that looks like it: same name, length and property descriptor. */
function patch(object, name, wrap) {
  const descriptor = Object.getOwnPropertyDescriptor(object, name)
  const original = descriptor.value
  const wrapper = wrap(original)
  Object.defineProperty(wrapper, 'name', { value: original.name, configurable: true })
  Object.defineProperty(wrapper, 'length', { value: original.length, configurable: true })
  Object.defineProperty(object, name, { ...descriptor, value: wrapper })
}

const isLocalhost = (host) =>
  typeof host === 'string' &&
  (/^127\.0\.0\.1$|^(.+\.)?localhost\.?$/i.test(host) ||
    /^(::|0:0:0:0:0:0:0:)1$|^::ffff:127\.0\.0\.1$/i.test(host))
const isAny = (host) =>
  host === undefined ||
  host === null ||
  host === '' ||
  /^(0\.0\.0\.0|::|0:0:0:0:0:0:0:0|::ffff:0\.0\.0\.0)$/i.test(host)
const isOurs = (host) => isAny(host) || isLocalhost(host)

/** `host:port`, separated by commas: not led to the pod. */
const passed = new Set((process.env.SAMPAN_PASS || '').split(','))
const isLed = (host, port) => isOurs(host) && !passed.has(`${host}:${port}`)

/**
 * `listen` without a host binds before it returns, and programs rely on it (`listen(3000).address()`); with a host it
 * first asks dns.lookup, which answers later. So for the first kind that one question is answered at once.
 */
function listenOn(original, address, asked) {
  const dns = require('node:dns')
  const answerAtOnce = (_host, ...rest) => {
    const callback = rest.pop()
    if (rest[0] && rest[0].all) callback(null, onlyAnswer({ address, family: 4 }))
    else callback(null, address, 4)
  }
  return function listen(...args) {
    const request = listenRequest(args)
    if (request === undefined || !isOurs(request.host)) return original.apply(this, args)
    const wanted = describeAsked(request)
    const hidden = isDoubled(this, request)
    if (hidden) wanted.port = request.port
    const options = Object.create(request, {
      host: { value: address, enumerable: true },
      port: { value: hidden ? 0 : request.port, enumerable: true },
      ipv6Only: { value: false, enumerable: true },
    })
    const last = args[args.length - 1]
    const callback = typeof last === 'function' ? [last] : []
    const { lookup } = dns
    if (!request.host) dns.lookup = answerAtOnce
    try {
      original.call(this, options, ...callback)
    } finally {
      dns.lookup = lookup
    }
    asked.set(this, wanted)
    if (outSocket) this.once('listening', tellListening)
    // No listener for it: the program can count them.
    if (this.listening) markListening(options.port)
    else setImmediate(() => this.listening && markListening(options.port)).unref()
    return this
  }
}

/** Those that a container declares are the first, if any. */
const marksMax = 8
let marks = 0

/** The agent watches the folder: so it finds the program ready at once, and needs not ask it again and again while it starts. */
function markListening(port) {
  if (port === 0 || marks++ >= marksMax) return
  const { closeSync, openSync } = require('node:fs')
  try {
    closeSync(openSync(`${__dirname}/insight/listening-${port}`, 'w'))
  } catch {
    // Not here, then.
  }
}

/** Nobody waits: who looks by itself finds it a second later. */
const tellListening = () => askAgent({ listening: true }, () => {})

/**
 * Node.js walks through the answers for one that isn't link-local, and takes the first when it finds none. There is nothing to
 * choose here, and its test for that makes a regular expression which takes 4 ms to compile: more than all else at a start.
 */
const onlyAnswer = (answer) => ({ 0: answer, length: 1, [Symbol.iterator]: () => [].values() })

/** Servers of this process that asked for one address family: { server: WeakRef, port, isSix, isPending }. */
let listening = []

/**
 * Some programs listen on IPv4 and IPv6 separately, with the same port. Both would be the same address here. The second
 * gets a port that nobody knows: whoever calls ::1 is led to the first anyway.
 */
function isDoubled(server, { host, port, ipv6Only }) {
  if (!host || port === 0) return false
  const isSix = host.includes(':')
  if (isSix && isAny(host) && !ipv6Only) return false // takes both families, hence is refused when one is taken
  listening = listening.filter((other) => other.isPending || other.server.deref()?.listening)
  if (listening.some((other) => other.port === port && other.isSix !== isSix)) return true
  const entry = { server: new WeakRef(server), port, isSix, isPending: true }
  listening.push(entry)
  setImmediate(() => (entry.isPending = false)).unref()
  return false
}

/**
 * The options of a TCP listen; undefined for everything else, and for what Node.js will refuse. The forms are those of
 * net.Server.listen: (options, cb), (path, cb), (port, host, backlog, cb), (cb).
 */
function listenRequest([first, second, third]) {
  if (first !== null && typeof first === 'object') {
    const isTcp =
      !first._handle &&
      !first.handle &&
      !(typeof first.fd === 'number' && first.fd >= 0) &&
      first.path === undefined &&
      (isPort(first.port) || ('port' in first && (first.port === undefined || first.port === null)))
    return isTcp ? Object.create(first, { port: { value: Number(first.port || 0) } }) : undefined
  }
  const isPortless = first === undefined || first === null || typeof first === 'function'
  if (!isPortless && !isPort(first)) return undefined
  const host = typeof second === 'string' ? second : undefined
  const backlog = Number(typeof second === 'number' ? second : third) || undefined
  return { port: isPortless ? 0 : Number(first), host, ...(backlog === undefined ? {} : { backlog }) }
}

const isPort = (port) =>
  (typeof port === 'number' || (typeof port === 'string' && port.trim() !== '')) &&
  Number.isInteger(Number(port)) &&
  Number(port) >= 0 &&
  Number(port) <= 65535

function describeAsked({ host }) {
  if (isAny(host)) return host === '0.0.0.0' ? { host, family: 'IPv4' } : { host: '::', family: 'IPv6' }
  return host.includes(':') ? { host, family: 'IPv6' } : { host: '127.0.0.1', family: 'IPv4' }
}

function askedAddress(original, address, asked) {
  return function () {
    const real = original.call(this)
    const wanted = asked.get(this)
    if (wanted === undefined || !real || real.address !== address) return real
    return { ...real, address: wanted.host, family: wanted.family, port: wanted.port ?? real.port }
  }
}

/**
 * The forms are those of net.Socket.connect: (options, cb), (path, cb), (port, host, cb), and Node's own normalised
 * array [options, cb]. Options are not changed but overlaid: TLS checks the certificate against the name in them.
 */
function connectTo(original, address) {
  const redirected = (options) =>
    options &&
    typeof options === 'object' &&
    !options.path &&
    options.port !== undefined &&
    isLed(options.host, options.port)
      ? Object.create(options, { host: { value: address, enumerable: true, writable: true } })
      : options
  return function connect(...args) {
    const [first, second] = args
    if (Array.isArray(first)) {
      first[0] = redirected(first[0]) // a fresh array that Node.js made for this call, known to it by a symbol
    } else if (first !== null && typeof first === 'object') {
      args[0] = redirected(first)
    } else if (isPort(first)) {
      if (typeof second !== 'string') args.splice(1, typeof second === 'function' ? 0 : 1, address)
      else if (isLed(second, first)) args[1] = address
    }
    return original.apply(this, args)
  }
}

/** May be a Service's name, or an address of the cluster: 10.64.0.0/10 holds those of pods and Services. */
const mayBeOfCluster = (host) =>
  typeof host === 'string' &&
  !isLocalhost(host) &&
  (/^10\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+$/.test(host) ||
    (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)?\.?$/i.test(host) &&
      !/^\d+(\.\d+)?$/.test(host)) ||
    /\.svc(\.cluster\.local)?\.?$/i.test(host))

/** Connections to what a network of the pod's own doesn't have. */
const isOutside = (host) => outSocket !== undefined && !isOurs(host) && !/^(::ffff:)?127\./i.test(host)

/** A keeper answers when it has connected, which the system gives up after some two minutes. */
const askWithinMs = outSocket ? 140_000 : 5000

/**
 * Asks the agent; calls back with its answer, or with {} when there is none: then things go on as without it. Returns what gives
 * up waiting.
 */
function askAgent(question, callback) {
  const net = require('node:net')
  const socket = new net.Socket()
  let text = ''
  let isOver = false
  const finish = (answer) => {
    if (isOver) return
    isOver = true
    socket.destroy()
    callback(answer)
  }
  socket.setEncoding('utf8')
  socket.setTimeout(askWithinMs, () => finish({}))
  socket.on('error', () => finish({}))
  socket.on('close', () => finish({}))
  socket.on('data', (chunk) => {
    text += chunk
    if (!text.includes('\n')) return
    try {
      finish(JSON.parse(text))
    } catch {
      finish({})
    }
  })
  connectPlainly.call(socket, { path: clusterSocket }, () =>
    socket.write(`${JSON.stringify({ ...question, namespace: clusterNamespace })}\n`),
  )
  return () => finish({})
}

/**
 * Connections whose target may be in the cluster wait for the agent's answer; to the program the socket is connecting all
 * the while. Everything else goes its usual way at once.
 */
function connectInCluster(original, otherwise) {
  connectPlainly = original
  return function connect(...args) {
    const isList = Array.isArray(args[0])
    const [first, second] = isList ? args[0] : args
    const isObject = first !== null && typeof first === 'object'
    const host = isObject ? first.host : typeof second === 'string' ? second : undefined
    const port = Number(isObject ? first.port : first)
    const isPlain = (isObject && first.path) || !isPort(port) || !(mayBeOfCluster(host) || isOutside(host))
    if (isPlain) return otherwise.apply(this, args)
    const last = isList ? second : args[args.length - 1]
    if (typeof last === 'function') this.once('connect', last)
    this.connecting = true
    const giveUp = askAgent({ connect: host, port }, (answer) => {
      this.off('close', giveUp)
      if (this.destroyed) return
      if (answer.error) return this.destroy(refused(answer.error, host, port))
      const options = isObject ? first : {}
      const place = answer.address
        ? { host: answer.address, port: answer.port, lookup: undefined }
        : { host: answer.alias || host, port }
      const overlay = Object.create(options)
      for (const [name, value] of Object.entries(place))
        Object.defineProperty(overlay, name, { value, enumerable: true, writable: true })
      ;(answer.address ? original : otherwise).call(this, overlay)
    })
    if (outSocket) this.once('close', giveUp) // its question shall keep no program that has given up
    return this
  }
}

/** As Node.js reports it. */
function refused(code, host, port) {
  const error = new Error(`connect ${code} ${host}:${port}`)
  return Object.assign(error, { code, errno: -111, syscall: 'connect', address: host, port })
}

/** `dns.lookup` and its promise know Services too; so does what is built on them. */
function patchLookup(dns) {
  const ask = (host, options, fallback, callback) => {
    const family = typeof options === 'number' ? options : options && options.family
    if (!mayBeOfCluster(host) || /^[\d.]+$/.test(host) || family === 6 || family === 'IPv6') return fallback()
    askAgent({ resolve: host }, ({ addresses }) => {
      if (!addresses || addresses.length === 0) return fallback()
      callback(
        addresses.map((address) => ({ address, family: 4 })),
        Boolean(options && options.all),
      )
    })
  }
  patch(dns, 'lookup', (original) =>
    keepSymbols(original, function lookup(host, options, callback) {
      const done = typeof options === 'function' ? options : callback
      const asked = typeof options === 'function' ? undefined : options
      if (typeof done !== 'function') return original.call(this, host, options, callback)
      ask(
        host,
        asked,
        () => original.call(this, host, asked ?? {}, done),
        (all, isAll) => (isAll ? done(null, all) : done(null, all[0].address, 4)),
      )
      return {}
    }),
  )
  patch(
    dns.promises,
    'lookup',
    (original) =>
      function lookup(host, options) {
        return new Promise((resolve, reject) =>
          ask(
            host,
            options,
            () => original.call(this, host, options).then(resolve, reject),
            (all, isAll) => resolve(isAll ? all : all[0]),
          ),
        )
      },
  )
}

/** util.promisify finds out by a symbol how the results of `lookup` are called. */
function keepSymbols(original, wrapper) {
  for (const symbol of Object.getOwnPropertySymbols(original))
    Object.defineProperty(wrapper, symbol, Object.getOwnPropertyDescriptor(original, symbol))
  return wrapper
}

/**
 * Datagrams: a socket bound to a fixed port on all addresses, or to localhost, is bound to the pod's address, unless it
 * shares the port on purpose (reuseAddr: multicast). Sockets that only send keep a free choice of source. What is sent
 * to localhost goes to the pod.
 */
function patchDatagrams(dgram, address) {
  const dns = require('node:dns')
  const local = (family) => (family === 6 ? `::ffff:${address}` : address)
  patch(dgram, 'createSocket', (original) => {
    return function createSocket(type, listener) {
      const options = typeof type === 'string' ? { type } : type
      if (options === null || typeof options !== 'object') return original.call(this, type, listener)
      const own = options.lookup ?? dns.lookup
      const lookup = (host, family, callback) =>
        isLocalhost(host)
          ? process.nextTick(callback, null, local(family), family)
          : own(host, family, callback)
      const socket = original.call(this, { ...options, lookup }, listener)
      if (options.reuseAddr) sharing.add(socket)
      return socket
    }
  })
  patch(dgram.Socket.prototype, 'bind', (original) => {
    return function bind(...args) {
      const [first] = args
      const options =
        first !== null && typeof first === 'object' ? first : { port: first, address: hostOf(args[1]) }
      const isFixed = isPort(options.port) && Number(options.port) > 0
      const redirect =
        isLocalhost(options.address) || (isFixed && isAny(options.address) && !sharing.has(this))
      if (!redirect || typeof options.fd === 'number' || this.type === undefined) {
        return original.apply(this, args)
      }
      const last = args[args.length - 1]
      const bound = { ...options, address: local(this.type === 'udp6' ? 6 : 4) }
      return original.call(this, bound, ...(typeof last === 'function' ? [last] : []))
    }
  })
}

/** Datagram sockets that were made with reuseAddr. */
const sharing = new WeakSet()

const hostOf = (value) => (typeof value === 'string' ? value : undefined)
