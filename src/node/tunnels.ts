/** The node's ways out: a tunnel to each API server, so that any of them reaches the node. */
import { openTunnel, type Tunnel, type TunnelOptions } from './tunnel.ts'

/** Where the servers are, and who asks there. */
export interface ServerUrls {
  readonly urls: readonly string[]
  /** Calls back after each change of `urls`. */
  onChange(listener: (urls: readonly string[]) => void): void
}

/** Keeps one tunnel to each of `servers`; `options.server` says who the node is there. */
export function openTunnels(options: TunnelOptions, servers: ServerUrls): AsyncDisposable {
  const tunnels = new Map<string, Tunnel>()
  let isOver = false
  const closing = new Set<Promise<void>>()
  const close = (tunnel: Tunnel) => {
    const closed = Promise.resolve(tunnel[Symbol.asyncDispose]())
    closing.add(closed)
    void closed.finally(() => closing.delete(closed))
  }
  const follow = (urls: readonly string[]) => {
    if (isOver) return
    for (const [url, tunnel] of tunnels) {
      if (urls.includes(url)) continue
      tunnels.delete(url)
      close(tunnel)
    }
    for (const url of urls) {
      if (!tunnels.has(url))
        tunnels.set(url, openTunnel({ ...options, server: { ...options.server, server: url } }))
    }
  }
  follow(servers.urls)
  servers.onChange(follow)
  return {
    async [Symbol.asyncDispose]() {
      isOver = true
      for (const tunnel of tunnels.values()) close(tunnel)
      await Promise.all(closing)
    },
  }
}
