import { accessSync, constants, writeFileSync } from 'node:fs'
import { RuntimeError, type WorkloadSpec } from '../runtime.ts'
import { readIfThere, recordFile } from './record-files.ts'

/**
 * What ends a workload whose lease has run out, whatever its agent does: a shell beside the tiny parent (`parent.ts` embeds the
 * two scripts, and has the rules that they keep: only builtins, and /bin/sleep by its path).
 *
 * - Once a second, because a machine that slept has lost its time at once. The time is uptime, which goes on in sleep and
 *   which nobody sets.
 * - A time that can't be read leaves the last one known; without any there is no lease.
 * - It fails closed: however it ends, its last word is the group's SIGKILL. So no program of it outlives its parent either.
 *   It is a member of the group, whose number therefore is not given to another while it looks.
 * - A program that has left the group (setsid(1) does that) is found by its record, with the group that it may have made.
 * - Signals to the group are not for it: a program with a long grace is fenced to its end.
 */
export const fenceScript = `
_sampan_signal() {
  if read -r _sampan_stat <"$SAMPAN_STATE_DIR/child"; then
    _sampan_pid=\${_sampan_stat%% *}
    set -- "$1" \${_sampan_stat##*) }
    _sampan_start=\${21}
    read -r _sampan_stat <"/proc/$_sampan_pid/stat" && set -- "$1" \${_sampan_stat##*) }
    case "\${21}:$4" in
      "$_sampan_start:$$") ;;
      "$_sampan_start:$_sampan_pid") kill -s "$1" -- "-$_sampan_pid" ;;
      "$_sampan_start:"*) kill -s "$1" "$_sampan_pid" ;;
    esac
  fi
  kill -s "$1" -- "-$$"
}
if [ -f "$SAMPAN_STATE_DIR/lease" ]; then
  (
    trap '' 1 2 3 6 10 12 13 14 15 20 21 22 24 25 26 27 29
    trap '_sampan_signal KILL' 0
    exec 1>/dev/null 3>&- 4>&-
    read -r _sampan_stat </proc/self/stat
    echo "$_sampan_stat" >"$SAMPAN_STATE_DIR/fence"
    { IFS= read -r _sampan_file; read -r _sampan_warn; } <"$SAMPAN_STATE_DIR/lease"
    _sampan_end=0; _sampan_warned=
    while /bin/sleep 1 && kill -0 "$$"; do
      read -r _sampan_stat <"$_sampan_file" && _sampan_end=$_sampan_stat
      read -r _sampan_now </proc/uptime
      _sampan_left=$((_sampan_end - \${_sampan_now%%.*}))
      if [ "$_sampan_left" -le 0 ]; then
        echo expired >"$SAMPAN_STATE_DIR/fenced"
        echo 137 1<>"$SAMPAN_STATE_DIR/exit"
        _sampan_clear
        exit
      elif [ "$_sampan_left" -gt "$_sampan_warn" ]; then
        [ -z "$_sampan_warned" ] || echo renewed >"$SAMPAN_STATE_DIR/fenced"
        _sampan_warned=
      elif [ -z "$_sampan_warned" ]; then
        _sampan_warned=1
        echo expired >"$SAMPAN_STATE_DIR/fenced"
        _sampan_signal TERM
      fi
    done
  ) &
fi
`

/** A shell function: ends what is in the control group but not in the process group. Its agent, which else does that, may hang. */
export const clearGroupScript = `
_sampan_clear() {
  [ -f "$SAMPAN_STATE_DIR/cgroups" ] || return 0
  while read -r _sampan_stat; do
    [ ! -f "$_sampan_stat/pids.max" ] || echo 0 >"$_sampan_stat/pids.max"
  done <"$SAMPAN_STATE_DIR/cgroups"
  while read -r _sampan_stat; do
    [ ! -f "$_sampan_stat/cgroup.kill" ] || echo 1 >"$_sampan_stat/cgroup.kill"
    for _sampan_round in 1 2 3 4 5; do
      while read -r _sampan_pid; do kill -s KILL "$_sampan_pid"; done <"$_sampan_stat/cgroup.procs"
    done
  done <"$SAMPAN_STATE_DIR/cgroups"
}
`

/** Makes what the fence reads. Throws `RuntimeError` where there can be none. */
export function installFence({ argv, lease, stateDir }: WorkloadSpec): void {
  if (!lease) return
  try {
    accessSync('/bin/sleep', constants.X_OK)
  } catch (e) {
    const why = 'its lease cannot be watched without /bin/sleep, which is not there'
    throw new RuntimeError('start-failed', `cannot start ${argv[0]}: ${why}`, { cause: e })
  }
  writeFileSync(recordFile(stateDir, 'lease'), `${lease.file}\n${lease.warnSeconds}\n`, { mode: 0o600 })
}

/** Whether the end of the workload was the fence's doing. One that was warned and got a new lease ends by itself. */
export function isFenced(stateDir: string): boolean {
  const text = readIfThere(recordFile(stateDir, 'fenced'))
  return text !== undefined && text !== 'renewed\n'
}
