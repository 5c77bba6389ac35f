# In a Linux with control groups version 2 alone: the runtime's tests as two kinds of users. The argument is the
# interpreter. Each run prints `run WHO`, what the reporter says, and `end CODE`.
interpreter=$1
groups=/sys/fs/cgroup
mkdir -m 1777 /tmp/cache
export NODE_COMPILE_CACHE=/tmp/cache

# As systemd does it for `Delegate=yes`: the group above hands controllers on, the group itself is the user's.
for parent in $groups $groups/user.slice; do
  mkdir -p $parent
  echo '+cpu +memory +pids +io' >$parent/cgroup.subtree_control
done
mkdir $groups/user.slice/delegated
for file in . cgroup.procs cgroup.threads cgroup.subtree_control; do
  chown 1000:1000 $groups/user.slice/delegated/$file
done

# WHO GROUP FILE [OPTION]
check() {
  who=$1 group=$2 file=$3
  shift 3
  echo "run $who"
  set -- "$interpreter" --test --test-isolation=none --test-timeout=120000 "$@" \
    --test-reporter=./tests/support/lines-reporter.mjs "src/runtime/process/$file.test.ts"
  [ "$who" = root ] || set -- setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
  (
    echo 0 >"$group/cgroup.procs" && HOME=/tmp exec "$@"
  )
  echo "end $?"
}

check root $groups cgroup
check delegated $groups/user.slice/delegated cgroup
# Its second start is beside its groups, as that of a service for which somebody has set `DelegateSubgroup=sampan-self`.
check restarted $groups/user.slice/delegated/sampan-self cgroup --test-name-pattern='level none makes no more processes'
