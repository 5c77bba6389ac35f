import type { Logger } from '../../base/logger.ts'
import { isDenied } from './postgres-errors.ts'
import type { Session } from './session.ts'

/**
 * Tells a promoted standby from the primary that it took over from. With each promotion PostgreSQL counts its timeline up; a
 * server on an earlier one that still takes writes, because it hung or was cut off, shows the past, and what is written there is
 * lost. So whoever has seen a later timeline of the same database system no longer talks to it.
 */
export interface Timelines {
  /** Throws for a server that another has taken over from. Sessions with servers that this one took over from are closed. */
  admit(session: Session): Promise<void>
}

interface Place {
  /** Given by initdb, and the same for a primary and its standbys. */
  readonly system: string
  readonly timeline: number
}

export function createTimelines(logger: Logger): Timelines {
  const sessions = new Map<Session, Place>()
  let newest: Place | undefined
  const isPassed = (place: Place) =>
    newest !== undefined && place.system === newest.system && place.timeline < newest.timeline
  return {
    async admit(session) {
      const place = await placeOf(session)
      if (!place) return
      for (const known of sessions.keys()) if (known.isLost) sessions.delete(known)
      if (isPassed(place)) {
        logger.warn('a PostgreSQL that another one took over from still takes writes: it must be stopped', {
          timeline: place.timeline,
          newest: newest?.timeline,
        })
        throw new Error(
          `it is an old primary, on timeline ${place.timeline}; another took over on timeline ${newest?.timeline}`,
        )
      }
      newest = place
      sessions.set(session, place)
      for (const [old, where] of sessions) if (isPassed(where)) void old.close()
    },
  }
}

/** Undefined where the server doesn't let this user ask. */
async function placeOf(session: Session): Promise<Place | undefined> {
  try {
    const [row] = await session.script(question)
    return { system: String(row?.[0]), timeline: Number.parseInt(String(row?.[1]), 16) }
  } catch (error) {
    if (isDenied(error)) return undefined
    throw error
  }
}

/** The name of a file of the log begins with the timeline, in hexadecimal digits; that of the last checkpoint may be an earlier one. */
const question = `
  SELECT s.system_identifier::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system() s`
