/** The judge, judged: each planted fault is found, and named; a history without any is let pass. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsOf, excerptOf } from './check.ts'
import {
  everything,
  type History,
  type Outcome,
  type State,
  type Version,
  type WatchEvent,
  type Write,
} from './history.ts'

const state = (id: string, uid = 'u1', labels: State['labels'] = {}): State => ({ id, uid, labels })
const version = (key: string, revision: number, value: State): Version => ({ key, revision, ...value })
const event = (type: WatchEvent['type'], ...rest: Parameters<typeof version>): WatchEvent => ({
  type,
  ...version(...rest),
})

interface Wish {
  readonly how?: Write['how']
  readonly expected?: number
  readonly outcome?: Outcome
  readonly uid?: string
}

/** The n-th operation lasts from 10·n to 10·n+9, unless told otherwise. */
const write = (n: number, id: string, revision: number | undefined, wish: Wish = {}): Write => ({
  client: 'c',
  span: { start: n * 10, end: n * 10 + 9 },
  key: 'a',
  how: wish.how ?? (n === 1 ? 'create' : 'update'),
  id,
  ...(wish.expected !== undefined && { expected: wish.expected }),
  outcome: wish.outcome ?? { is: 'done', ...(revision !== undefined && { revision }), uid: wish.uid ?? 'u1' },
})

const events = [
  event('ADDED', 'a', 1, state('w1', 'u1', { app: 'web' })),
  event('MODIFIED', 'a', 2, state('w2')),
  event('MODIFIED', 'a', 3, state('w3', 'u1', { app: 'web' })),
  event('DELETED', 'a', 4, state('w3', 'u1', { app: 'web' })),
]
const writes = [
  write(1, 'w1', 1),
  write(2, 'w2', 2, { expected: 1 }),
  write(3, 'w3', 3, { expected: 2 }),
  write(4, 'w4', undefined, { how: 'delete' }),
]
const witness = { client: 'witness', from: 0, upTo: 4, events, selects: everything }
const isWeb = (_key: string, { labels }: State) => labels['app'] === 'web'
const webEvents = [
  event('ADDED', 'a', 1, state('w1', 'u1', { app: 'web' })),
  event('DELETED', 'a', 2, state('w2')),
  event('ADDED', 'a', 3, state('w3', 'u1', { app: 'web' })),
  event('DELETED', 'a', 4, state('w3', 'u1', { app: 'web' })),
]
const read = (start: number, found: Version | undefined, mayBeOld = false) => ({
  client: 'r',
  span: { start, end: start + 1 },
  key: 'a',
  found,
  mayBeOld,
})
const list = (start: number, revision: number, versions: readonly Version[], mayBeOld = false) => ({
  client: 'l',
  span: { start, end: start + 1 },
  revision,
  versions,
  selects: everything,
  mayBeOld,
})

const sound: History = {
  writes,
  watches: [
    witness,
    { ...witness, client: 'web', events: webEvents, selects: isWeb },
    { ...witness, client: 'late', from: 2, events: events.slice(2) },
  ],
  reads: [
    read(20, version('a', 1, state('w1'))),
    read(25, version('a', 2, state('w2'))),
    read(60, undefined),
    read(61, version('a', 1, state('w1')), true),
  ],
  lists: [
    list(32, 3, [version('a', 3, state('w3'))]),
    list(60, 4, []),
    list(60, 2, [version('a', 2, state('w2'))], true),
  ],
}

test('a sound history has no problems', () => assert.deepEqual(problemsOf(sound), []))

test('a write without an answer may have taken place, or not', () => {
  const unknown = write(2, 'w2', undefined, { expected: 1, outcome: { is: 'unknown' } })
  const never = write(5, 'w9', undefined, { outcome: { is: 'unknown' } })
  assert.deepEqual(
    problemsOf({ ...sound, writes: [...writes.filter(({ id }) => id !== 'w2'), unknown, never] }),
    [],
  )
  const end = write(4, 'w4', undefined, { how: 'delete', outcome: { is: 'unknown' } })
  assert.deepEqual(problemsOf({ ...sound, writes: [...writes.slice(0, 3), end] }), [])
})

test('two replicas tell the same story, or one of them is wrong', () => {
  const other = {
    ...witness,
    client: 'replica 2',
    events: events.map((one) => (one.revision === 2 ? { ...one, id: 'w3' } : one)),
  }
  assert.match(
    problemsOf({ ...sound, watches: [witness, other] }).join('\n'),
    /revision 2 is a=w2 .*replica 2 says it is a=w3/,
  )
})

const watching = (changed: readonly WatchEvent[]): History => ({
  ...sound,
  watches: [witness, { ...witness, client: 'broken', events: changed }],
})
const [e1, e2, e3, e4] = events as [WatchEvent, WatchEvent, WatchEvent, WatchEvent]

const planted: readonly { readonly fault: string; readonly history: History; readonly says: RegExp }[] = [
  {
    fault: 'a lost update',
    history: { ...sound, writes: writes.map((one) => (one.id === 'w3' ? { ...one, expected: 1 } : one)) },
    says: /lost update: c's update w3 of a expected revision 1 and replaced w2 of revision 2/,
  },
  {
    fault: 'an event twice',
    history: watching([e1, e2, e2, e3, e4]),
    says: /broken.*saw revision 2 \(a\) twice/,
  },
  { fault: 'a gap', history: watching([e1, e3, e4]), says: /broken.*missed MODIFIED a at revision 2/ },
  {
    fault: 'a gap at the end',
    history: watching([e1, e2, e3]),
    says: /broken.*missed DELETED a at revision 4/,
  },
  {
    fault: 'events out of order',
    history: watching([e1, e3, e2, e4]),
    says: /broken.*saw revision 2 \(a\) after 3/,
  },
  {
    fault: 'an event that never was',
    history: watching([...events, event('ADDED', 'b', 9, state('w1', 'u2'))]),
    says: /broken.*ADDED b at revision 9, which was no change for it|revision 9/,
  },
  {
    fault: 'an event of the wrong type',
    history: watching([e1, { ...e2, type: 'ADDED' }, e3, e4]),
    says: /told ADDED a at revision 2, which was MODIFIED a/,
  },
  {
    fault: 'a selector that lets an object go without a word',
    history: {
      ...sound,
      watches: [
        witness,
        {
          ...witness,
          client: 'web',
          selects: isWeb,
          events: webEvents.filter(({ revision }) => revision !== 2),
        },
      ],
    },
    says: /web.*missed DELETED a at revision 2/,
  },
  {
    fault: 'an event from before the beginning',
    history: {
      ...sound,
      watches: [witness, { ...witness, client: 'late', from: 2, events: events.slice(1) }],
    },
    says: /late, watching from 2, saw revision 2 \(a\) after 2/,
  },
  {
    fault: 'an acknowledged write that is gone',
    history: { ...sound, writes: [...writes, write(6, 'w6', 6)] },
    says: /w6/,
  },
  {
    fault: 'a revision given twice',
    history: { ...sound, writes: [...writes, write(6, 'w6', 3)] },
    says: /revision 3 is a=w3 .*says it is a=w6/,
  },
  {
    fault: 'a refused write that took place',
    history: {
      ...sound,
      writes: writes.map((one) =>
        one.id === 'w2' ? { ...one, outcome: { is: 'refused', why: '409' } } : one,
      ),
    },
    says: /w2 of a was refused \(409\), but is there at revision 2/,
  },
  {
    fault: 'a revision that goes back',
    history: {
      ...sound,
      writes: writes.map((one) => (one.id === 'w3' ? { ...one, span: { start: 1, end: 2 } } : one)),
    },
    says: /c's create w1 of a has revision 1, though c's update w3 of a had 3 before it began/,
  },
  {
    fault: 'a change that nobody made',
    history: { ...sound, writes: writes.filter(({ id }) => id !== 'w2') },
    says: /revision 2 of a has w2, which nobody wrote/,
  },
  {
    fault: 'an end that nobody asked for',
    history: { ...sound, writes: writes.slice(0, 3) },
    says: /ended at revision 4, but nobody deleted it/,
  },
  {
    fault: 'a delete that did nothing',
    history: { ...sound, writes: [...writes, write(5, 'w5', undefined, { how: 'delete', uid: 'u2' })] },
    says: /no watcher saw u2 go/,
  },
  {
    fault: 'a create over what is there',
    history: {
      ...sound,
      writes: writes.map((one) => (one.id === 'w2' ? write(2, 'w2', 2, { how: 'create' }) : one)),
    },
    says: /create w2 of a at 2 replaced w1 of revision 1/,
  },
  {
    fault: 'a write that took place twice',
    history: {
      ...sound,
      watches: [
        {
          ...witness,
          upTo: 5,
          events: [...events.slice(0, 3), event('MODIFIED', 'a', 4, state('w2')), { ...e4, revision: 5 }],
        },
      ],
    },
    says: /w2 was written once and is there twice/,
  },
  {
    fault: 'a no-op that counts as a change',
    history: { ...sound, writes: [...writes, write(3.5, 'w5', 9, { how: 'touch' })] },
    says: /touch w5 of a changed nothing, but was answered with revision 9/,
  },
  {
    fault: 'a stale read',
    history: { ...sound, reads: [read(30, version('a', 1, state('w1')))] },
    says: /r's read of a found w1 of revision 1, though w2 at 2 was known by 2/,
  },
  {
    fault: 'a read that finds nothing',
    history: {
      ...sound,
      reads: [read(30, undefined)],
      writes: writes.slice(0, 3),
      watches: [{ ...witness, upTo: 3, events: events.slice(0, 3) }],
    },
    says: /found nothing/,
  },
  {
    fault: 'a read from the future',
    history: { ...sound, reads: [read(5, version('a', 3, state('w3')))] },
    says: /found w3 before it was written/,
  },
  {
    fault: 'reads that go back',
    history: {
      ...sound,
      writes: [
        ...writes.slice(0, 2),
        { ...(writes[2] as Write), span: { start: 30, end: 90 } },
        { ...(writes[3] as Write), span: { start: 91, end: 92 } },
      ],
      lists: [],
      reads: [read(40, version('a', 3, state('w3'))), read(50, version('a', 2, state('w2')))],
    },
    says: /found w2 of revision 2, though w3 at 3 was known by 3/,
  },
  {
    fault: 'a list that lacks an object',
    history: { ...sound, lists: [list(32, 3, [])] },
    says: /l's list at revision 3 lacks a of revision 3/,
  },
  {
    fault: 'a list of two moments',
    history: { ...sound, lists: [list(32, 3, [version('a', 2, state('w2'))])] },
    says: /has a of revision 2, which is of 3 at that revision/,
  },
  {
    fault: 'a list with an object twice',
    history: { ...sound, lists: [list(32, 3, [version('a', 3, state('w3')), version('a', 3, state('w3'))])] },
    says: /has a twice/,
  },
  {
    fault: 'a list of the past',
    history: { ...sound, lists: [list(32, 1, [version('a', 1, state('w1'))])] },
    says: /is of the past/,
  },
]

for (const { fault, history, says } of planted)
  test(`${fault} is found`, () => {
    const problems = problemsOf(history)
    assert.match(problems.join('\n'), says)
    assert.equal(typeof excerptOf(history, problems[0] ?? ''), 'string')
  })

test('an excerpt tells what is known of the revisions that a problem names', () => {
  const text = excerptOf(sound, "l's list at revision 1 is of the past: 2 was known before it was asked for")
  assert.match(text, /w2/)
  assert.match(text, /ADDED a 1 w1/)
})
