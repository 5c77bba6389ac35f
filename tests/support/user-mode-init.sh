#!/bin/sh
# The first process of a user-mode Linux (user-mode-linux.ts): makes it a system on which programs run, and runs a script.
# Arguments: the project's folder, the interpreter, the script, perhaps a folder with Sampan as it is published.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
project=$1 interpreter=$2 script=$3 sampan=$4
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 run /run
# There everybody reaches it, wherever on the machine it lies.
mkdir /run/project
mount --bind "$project" /run/project
interpreter=$(realpath "$interpreter")
case $interpreter in "$(realpath "$project")"/*) interpreter=/run/project/${interpreter#"$(realpath "$project")"/} ;; esac
script=/run/project/${script#"$project"/}
cd /run/project || exit
if [ -n "$sampan" ]; then
  mkdir -p /run/sampan
  cp -r "$sampan/." /run/sampan
  mkdir /run/sampan/node_modules
  mount --bind "$project/node_modules" /run/sampan/node_modules
fi
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t ext4 /dev/ubda /tmp
chmod 1777 /tmp
ip link set lo up
sh "$script" "$interpreter" /run/sampan
echo "script ended with $?"
# With its first process the kernel ends, if nobody has ended it by now.
