import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelOf, commandProtocols, exitPiece } from '../../api/streams/channels.ts'
import { commandMessages } from './command-messages.ts'

/** Of bytes the first, which is the channel, as a digit. */
const shown = (message: string | Uint8Array | undefined) =>
  message instanceof Uint8Array ? `${message[0]}${Buffer.from(message).toString('latin1', 1)}` : message
const out = { channel: channelOf.stdout, bytes: Buffer.from('hi') }

for (const [protocol, said, failure, success] of [
  ['v5.channel.k8s.io', '1hi', /^3\{.*"ExitCode"/, /^3\{.*"Success"/],
  ['v4.channel.k8s.io', '1hi', /^3\{.*"ExitCode"/, /^3\{.*"Success"/],
  ['v4.base64.channel.k8s.io', '1aGk=', /^3ey[\w+/]+=*$/, /^3ey[\w+/]+=*$/],
  ['channel.k8s.io', '1hi', /^3command terminated with non-zero exit code: exit status 3$/, undefined],
  ['base64.channel.k8s.io', '1aGk=', /^3Y29tbWFuZ[\w+/]+=*$/, undefined],
] as const)
  test(`${protocol}: output, failure, success`, () => {
    const { encode } = commandMessages(protocol)
    assert.equal(shown(encode(out)), said)
    assert.match(shown(encode(exitPiece(3))) ?? '', failure)
    if (success) assert.match(shown(encode(exitPiece(0))) ?? '', success)
    else assert.equal(encode(exitPiece(0)), undefined)
  })

for (const protocol of commandProtocols)
  test(`${protocol}: what is written can be read`, () => {
    const { encode, decode } = commandMessages(protocol)
    const piece = decode(Buffer.from(encode(out) ?? ''))
    assert.deepEqual([piece?.channel, Buffer.from(piece?.bytes ?? []).toString()], [1, 'hi'])
    assert.equal(decode(Buffer.alloc(0)), undefined)
  })

test('a text without a channel says nothing', () =>
  assert.equal(commandMessages('base64.channel.k8s.io').decode(Buffer.from('xaGk=')), undefined))
