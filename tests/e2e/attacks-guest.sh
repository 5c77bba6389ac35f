# In a Linux with control groups version 2 alone (user-mode-init.sh): attacks on an agent of root, then on those of an ordinary user, with
# a delegated group and without. Arguments: the interpreter, a folder with Sampan as it is published.
interpreter=$1 sampan=$2
groups=/sys/fs/cgroup modules=/usr/lib/uml/modules/$(uname -r)
# What Debian's iptables needs to find its tables; the one for nftables lacks half of them in this kernel.
for wanted in ipv6 iptable_filter ip6table_filter xt_owner xt_tcpudp ipt_REJECT ip6t_REJECT; do
  for module in $(sed -n "s,^\([^:]*/$wanted\.ko\):\(.*\),\1\2,p" "$modules/modules.dep" | tr ' ' '\n' | tac); do
    insmod "$modules/$module" 2>/dev/null # another one may have needed it, too
  done
done
mount --bind /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi
iptables-save -t filter >/dev/null && ip6tables-save -t filter >/dev/null || exit

# As systemd does it for `Delegate=yes`: the group above hands controllers on, the group itself is the user's.
for parent in $groups $groups/user.slice; do
  mkdir -p $parent
  echo '+cpu +memory +pids +io' >$parent/cgroup.subtree_control
done
mkdir $groups/user.slice/delegated $groups/user.slice/other $groups/root
for file in . cgroup.procs cgroup.threads cgroup.subtree_control; do
  chown 1000:1000 $groups/user.slice/delegated/$file
done
export SAMPAN_TEST_PATIENCE=4 # this Linux is slow, and so may be the machine below it

# AGENT GROUP [OPTION]
attack() {
  agent=$1 group=$2
  shift 2
  "$interpreter" tests/support/attack-run.ts --agent "$agent, version 2" --group $groups/$group \
    --sampan "$sampan/bin/sampan" --guest "$@"
}

attack root root && attack delegated user.slice/delegated --user 1000 &&
  attack 'not delegated' user.slice/other --user 1000
