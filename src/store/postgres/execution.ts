/** `Execute` of the unnamed portal, all its rows; and `Sync`, which ends the transaction. */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])
const bindCode = 0x42
/** The code, the length, the names' ends, and the counts of formats, values and the answer's formats, of which there is one. */
const fixedBytes = 1 + 4 + 2 + 2 + 2 + 2 + 2
const [textFormat, binaryFormat, isNull] = [0, 1, -1]

/**
 * What carries out the prepared statement `name`, as one piece: the driver would make three, and hand each to the
 * connection. Strings go in PostgreSQL's text form, bytes as they are; the answer comes as text.
 *
 *     Bind   'B' │ length │ portal "" │ name │ formats of the values │ values { length │ bytes } │ format of the answer
 *     Execute │ Sync
 */
export function encodeExecution(name: string, values: readonly (string | Buffer | null)[]): Buffer {
  const nameBytes = Buffer.byteLength(name)
  let size = fixedBytes + nameBytes + values.length * (2 + 4)
  for (const value of values) size += value === null ? 0 : Buffer.byteLength(value)
  const message = Buffer.allocUnsafe(size + executeAndSync.length)
  message[0] = bindCode
  let at = message.writeInt32BE(size - 1, 1)
  message[at++] = 0
  at += message.write(name, at)
  message[at++] = 0
  at = message.writeInt16BE(values.length, at)
  for (const value of values) {
    at = message.writeInt16BE(value instanceof Buffer ? binaryFormat : textFormat, at)
  }
  at = message.writeInt16BE(values.length, at)
  for (const value of values) at = writeValue(message, value, at)
  at = message.writeInt16BE(1, at)
  at = message.writeInt16BE(textFormat, at)
  message.set(executeAndSync, at)
  return message
}

function writeValue(message: Buffer, value: string | Buffer | null, at: number): number {
  if (value === null) return message.writeInt32BE(isNull, at)
  const start = at + 4
  const written = typeof value === 'string' ? message.write(value, start) : value.copy(message, start)
  message.writeInt32BE(written, at)
  return start + written
}
