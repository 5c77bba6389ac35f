/** A bound of open sockets that nobody can use up by saying nothing: the one that has been idle for longest makes room. */
import type { Socket } from 'node:net'

export interface WaitingRoom {
  /** Before anything else. False: all that are here are being answered, and the socket was closed. It is idle at first. */
  enter(socket: Socket): boolean
  /** It is being answered: nobody takes its place. */
  serve(socket: Socket): void
  /** It has its answer, and need only close. */
  served(socket: Socket): void
}

export function createWaitingRoom(socketsMax: number): WaitingRoom {
  const here = new Set<Socket>()
  /** In the order in which they began to be. */
  const idle = new Set<Socket>()
  const leave = (socket: Socket) => {
    here.delete(socket)
    idle.delete(socket)
  }
  return {
    enter(socket) {
      const [longest] = idle
      if (here.size >= socketsMax) {
        const leaving = longest ?? socket
        leave(leaving)
        leaving.destroy()
        if (leaving === socket) return false
      }
      here.add(socket)
      idle.add(socket)
      socket.once('close', () => leave(socket))
      return true
    },
    serve: (socket) => void idle.delete(socket),
    served: (socket) => {
      if (here.has(socket)) idle.add(socket)
    },
  }
}
