/**
 * Sampan as a service of systemd, on a machine of its own: installed, restarted, killed and stopped while an app runs, and after a
 * reboot. `systemd-guest.ts` is what is looked at there.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/cluster.ts'
import { runTestsInGuest } from '../support/guest-tests.ts'
import { isMissing } from '../support/needs.ts'
import { publishTo } from '../support/published.ts'

/** A busy machine has taken five minutes. */
const testMsMax = 900_000

test('a service of systemd, with control groups version 2', { timeout: testMsMax }, async (t) => {
  for (const program of ['linux.uml', 'systemd', 'dbus-daemon', 'pam_systemd', 'bwrap'])
    if (isMissing(t, program, 'a machine that systemd runs')) return
  const folder = mkdtempSync(join(tmpdir(), 'sampan-systemd-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const guest = {
    init: join(root, 'tests', 'support', 'user-mode-systemd.sh'),
    script: join(root, 'tests', 'node', 'systemd-guest.sh'),
    files: publishTo(join(folder, 'sampan')),
    disk: join(folder, 'disk'),
    settings: ['cgroup_no_v1=all'],
    memoryMiB: 1536,
  }
  await runTestsInGuest(t, guest, { boot1: { what: 'the first boot', min: 5 } })
  await runTestsInGuest(t, guest, { boot2: { what: 'the next boot', min: 2 } })
})
