import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { describeStore } from '../conformance.ts'
import { openSqliteStore } from './sqlite-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-store-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const context = { clock: realClock, logger: silentLogger }

describeStore('the SQLite store', () => openSqliteStore(join(folder, `${++count}.db`), context))
