import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { describeStore } from '../conformance.ts'
import { openMemoryStore } from './memory-store.ts'

describeStore('the memory store', () => openMemoryStore({ clock: realClock, logger: silentLogger }))
