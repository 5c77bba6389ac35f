# In a Linux whose first process is systemd, at each boot: what systemd-guest.ts says of this one, then the end. The argument is the
# interpreter.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
cd /srv/project || exit
boots=$(cat /boots 2>/dev/null || echo 0)
echo $((boots + 1)) >/boots
echo "run boot$((boots + 1))"
export BOOT=$((boots + 1)) SAMPAN_TEST_PATIENCE=4 # this Linux is slow, and so may be the machine below it
"$1" --test --test-isolation=none --test-timeout=240000 \
  --test-reporter=./tests/support/lines-reporter.mjs tests/node/systemd-guest.ts
echo "end $?"
echo "script ended with 0"
systemctl poweroff --no-block
