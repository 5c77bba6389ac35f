// Imports node:http and, by and by, uses Node's WebSocket from it.
import { createRequire } from 'node:module'
import * as http from 'node:http'

const isLoaded = () => process.moduleLoadList.some((name) => name.endsWith('undici/undici'))
const isLoadedAtFirst = isLoaded()
const { CloseEvent, MessageEvent, WebSocket } = http
const isIn = WebSocket !== undefined
const say = (more) => console.log(JSON.stringify({ isIn, isLoadedAtFirst, ...more }))

if (isIn) {
  class Mine extends WebSocket {}
  const socket = new Mine(process.argv[2])
  const [event] = await Promise.all([
    new Promise((resolve) => socket.addEventListener('message', resolve)),
    new Promise((resolve) => socket.addEventListener('open', resolve)),
  ])
  const withoutNew = () => {
    try {
      WebSocket('ws://127.0.0.1')
    } catch (error) {
      return error.name
    }
  }
  const close = new CloseEvent('close', { code: 1000 })
  say({
    isLoadedByNow: isLoaded(),
    isSameByRequire: createRequire(import.meta.url)('node:http').WebSocket === globalThis.WebSocket,
    connecting: WebSocket.CONNECTING,
    names: [WebSocket, CloseEvent, MessageEvent].map(({ name }) => name),
    keys: Reflect.ownKeys(WebSocket).join() === Reflect.ownKeys(globalThis.WebSocket).join(),
    isInstance: [
      socket instanceof WebSocket,
      new globalThis.WebSocket(process.argv[2]) instanceof WebSocket,
      event instanceof MessageEvent,
    ],
    extended: [socket.constructor.name, socket instanceof Mine, socket instanceof globalThis.WebSocket],
    withoutNew: withoutNew(),
    message: event.data,
    event: [close.type, close.code],
  })
} else say({})
