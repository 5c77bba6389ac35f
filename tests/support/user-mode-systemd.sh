#!/bin/sh
# The first process of a user-mode Linux (user-mode-linux.ts): makes a Debian whose first process is systemd, and becomes that.
# Its root is the disk, which stays from one boot to the next; programs are this machine's. Arguments: the project's folder, the
# interpreter, the script (run at each boot, by a service), a folder with Sampan as it is published.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
project=$1 interpreter=$(realpath "$2") script=$3 sampan=$4
case $interpreter in "$project"/*) interpreter=/srv/project/${interpreter#"$project"/} ;; esac

make_root() {
  mkdir -p usr etc/systemd/system/multi-user.target.wants etc/pam.d var/lib/systemd/linger home/app srv/project \
    proc sys dev run root opt
  mkdir -m 1777 tmp
  chown 1000:1000 home/app
  for folder in bin sbin lib lib64; do ln -s usr/$folder $folder; done
  cp -a /etc/ld.so.cache /etc/alternatives etc/
  cp -r "$sampan" opt/sampan
  echo 'root:x:0:0::/root:/bin/sh
messagebus:x:100:100::/nonexistent:/usr/sbin/nologin
app:x:1000:1000::/home/app:/bin/sh
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin' >etc/passwd
  echo 'root:x:0:
tty:x:5:
messagebus:x:100:
app:x:1000:
nogroup:x:65534:' >etc/group
  echo 00000000000000000000000000000001 >etc/machine-id
  echo guest >etc/hostname
  echo '127.0.0.1 localhost guest' >etc/hosts
  touch etc/fstab var/lib/systemd/linger/app
  for kind in account auth password session; do echo "$kind required pam_permit.so"; done >etc/pam.d/other
  printf 'account required pam_permit.so\nsession optional pam_systemd.so\n' >etc/pam.d/systemd-user
  ln -s /lib/systemd/system/multi-user.target etc/systemd/system/default.target
  printf '[Manager]\nDefaultStandardOutput=null\nLogTarget=null\nShowStatus=no\n' | tee etc/systemd/system.conf >etc/systemd/user.conf
  mask
  echo "[Unit]
After=basic.target
[Service]
ExecStart=/bin/sh /srv/project/${script#"$project"/} $interpreter
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
[Install]
WantedBy=multi-user.target" >etc/systemd/system/guest.service
  ln -s ../guest.service etc/systemd/system/multi-user.target.wants/
}

# What a machine without devices, logs and terminals can do without: each unit costs a second or so.
mask() {
  for unit in getty.target paths.target remote-fs.target swap.target timers.target \
    systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \
    systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket \
    systemd-journal-flush.service systemd-journal-catalog-update.service systemd-hwdb-update.service \
    systemd-update-done.service systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service \
    systemd-sysusers.service systemd-firstboot.service systemd-random-seed.service systemd-modules-load.service \
    systemd-sysctl.service systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-binfmt.service \
    systemd-machine-id-commit.service systemd-boot-system-token.service systemd-pstore.service \
    systemd-remount-fs.service systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-pcrmachine.service \
    systemd-ask-password-console.path systemd-ask-password-wall.path proc-sys-fs-binfmt_misc.automount \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    sys-fs-fuse-connections.mount kmod-static-nodes.service modprobe@.service ldconfig.service; do
    ln -s /dev/null etc/systemd/system/$unit
  done
  # Services of this machine's programs.
  for wanted in /lib/systemd/system/*.target.wants/*; do
    unit=${wanted##*/}
    case $unit in dbus.* | systemd-* | *.target | *.slice) ;; *) ln -sf /dev/null "etc/systemd/system/$unit" ;; esac
  done
}

mount -t ext4 /dev/ubda /mnt && cd /mnt || exit
[ -e etc/machine-id ] || make_root
mkdir -p opt/sampan/node_modules
mount --bind /usr usr
mount --bind "$project" srv/project
mount --bind "$project/node_modules" opt/sampan/node_modules
exec switch_root /mnt /lib/systemd/systemd
