// Two cluster workers, one worker thread and a forked child share the pod's port space.
'use strict'
const cluster = require('node:cluster')
const http = require('node:http')
const { Worker } = require('node:worker_threads')
const { spawn } = require('node:child_process')

const serve = (port, what) =>
  `require('node:http').createServer((_, r) => r.end('${what} ' + process.env.NAME)).listen(${port}, () => console.log('up ${what}'))`
if (cluster.isPrimary) {
  cluster.fork()
  cluster.fork()
  new Worker(serve(3001, 'thread'), { eval: true })
  spawn(process.execPath, ['--eval', serve(3002, 'child')], { stdio: 'inherit' })
} else {
  http
    .createServer((_, response) => response.end(`worker ${process.env.NAME}`))
    .listen(3000, () => console.log('up worker'))
}
