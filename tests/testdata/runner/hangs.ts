/** Ends never: what its test has opened stays open, and a process that it has started has left its group. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { test } from 'node:test'

test('opens and does not close', () => {
  createServer().listen(0, '127.0.0.1')
  const args = ['--eval', 'setInterval(() => {}, 1000) // left behind']
  spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref()
})
