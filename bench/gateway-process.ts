/** The gateway alone in a process, for `bench/gateway.ts`: `gateway-process.ts LISTEN_PORT UPSTREAM_PORT`. */
import { connect } from 'node:net'
import { realClock } from '../src/base/clock.ts'
import { realRandom } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/logger.ts'
import { openGateway } from '../src/gateway/gateway.ts'

const [listenPort, upstreamPort] = process.argv.slice(2).map(Number) as [number, number]
await openGateway({
  listen: { host: '127.0.0.1', port: listenPort },
  clock: realClock,
  random: realRandom,
  logger: silentLogger,
  dial: ({ podIP, port }, { onread }) =>
    connect({ host: podIP, port, noDelay: true, allowHalfOpen: true, onread }),
  routes: {
    routes: [{ host: '', path: '/', pathType: 'Prefix', backend: 'app' }],
    backends: new Map([
      [
        'app',
        [
          {
            key: 'app',
            node: '',
            podIP: '127.0.0.1',
            port: upstreamPort,
            ready: true,
            serving: true,
            terminating: false,
          },
        ],
      ],
    ]),
  },
})
