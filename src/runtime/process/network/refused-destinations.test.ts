import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRefusal } from './refused-destinations.ts'

const refused = [
  '127.0.0.1',
  '127.64.0.5',
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '100.100.100.200',
  '168.63.129.16',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::FFFF:169.254.169.254',
  '::ffff:7f00:1',
  '::ffff:a9fe:a9fe',
  '::127.0.0.1',
  '0:0:0:0:0:0:0:1',
  '0:0:0:0:0:ffff:7f00:1',
  'fe80::1',
  'fe80::1%eth0',
  'fd00:ec2::254',
]
const allowed = [
  '10.0.0.1',
  '192.168.1.1',
  '93.184.216.34',
  '2606:2800:220:1::1',
  '::ffff:10.0.0.1',
  'fd12::1',
]

const isRefused = createRefusal()
for (const address of refused) test(`${address} is refused`, () => assert.equal(isRefused(address), true))
for (const address of allowed) test(`${address} is not`, () => assert.equal(isRefused(address), false))
