#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The Debian packages from this source: built, looked at by lintian, installed into a fresh
# Debian 12 in a directory, started there by systemd as the unit says, used
# (contrib/debian/tests/installed), upgraded, removed and purged.
#
#   tests/system/package.sh [PACKAGE.deb...]     as root; packages given are not built anew
#
# MXWATCH_ROOT names a directory with a minimal Debian 12 (debootstrap --variant=minbase
# --include=ca-certificates), which is copied; without it debootstrap makes one.  About two
# minutes.  Status 77, with the reason, where this machine cannot do it.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)

cannot() {
	echo "package.sh: skipped: $*"
	exit 77
}

fail() {
	echo "package.sh: FAILED: $*" >&2
	exit 1
}

ok() {
	echo "package.sh: $* ($(($(date +%s) - began)) s)"
}

began=$(date +%s)
[ "$(id -u)" = 0 ] || cannot 'this needs root'
[ -n "${MXWATCH_ROOT:-}" ] || command -v debootstrap >/dev/null || cannot 'debootstrap is not installed'
unshare -m -p -f -u -i -n -C true 2>/dev/null || cannot 'namespaces are not allowed here'

work=$(mktemp -d /var/tmp/mxwatch-package.XXXXXX)
root=$work/root
machine=
clean_up() {
	if [ -n "$machine" ]; then
		kill -KILL "$machine" 2>/dev/null || true # unshare ignores SIGTERM; its child goes with it
		wait "$machine" 2>/dev/null || true
	fi
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# -- packages ----------------------------------------------------------------------------------

mkdir "$work/debs"
if [ $# -gt 0 ]; then
	cp "$@" "$work/debs"
else
	command -v dpkg-buildpackage >/dev/null || cannot 'dpkg-dev is not installed'
	mkdir "$work/source"
	if git -C "$top" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$top" ls-files -z | tar -c -C "$top" --null -T -
	else
		tar -c -C "$top" --exclude=./build --exclude=./var .
	fi | tar -x -C "$work/source"
	cp -r "$work/source/contrib/debian" "$work/source/debian"
	(cd "$work/source" && dpkg-checkbuilddeps) || cannot 'build dependencies are not installed'
	(cd "$work/source" && dpkg-buildpackage -us -uc -b) >"$work/build.log" 2>&1 || {
		tail -n 40 "$work/build.log"
		fail 'the packages do not build'
	}
	! grep -n 'warning:.*\[-W' "$work/build.log" || fail 'the compiler warned'
	if command -v lintian >/dev/null; then
		lintian --allow-root --fail-on error,warning,info -i "$work"/mxwatch_*.changes ||
			fail 'lintian has something to say'
	fi
	mv "$work"/mxwatch_*.deb "$work"/mxwatchd_*.deb "$work/debs"
fi
for deb in "$work"/debs/*.deb; do
	dpkg-deb -c "$deb" | awk '{ print $6 }' | grep -v '/$' | grep -vE \
		-e '^\./usr/(s?bin|libexec/mxwatch|share/doc/mxwatchd?|share/man/man[1578])/' \
		-e '^\./usr/share/(bash-completion|zsh|fish|lintian)/' \
		-e '^\./(etc/mxwatch/mxwatch\.yaml|lib/systemd/system/mxwatchd\.service)$' \
		-e '^\./usr/lib/(sysusers|tmpfiles)\.d/mxwatch\.conf$' && fail "$deb: files out of place"
done
ok 'built, lintian is content, every file in its place'

# -- a fresh system ------------------------------------------------------------------------------

if [ -n "${MXWATCH_ROOT:-}" ]; then
	cp -a --one-file-system "$MXWATCH_ROOT" "$root"
else
	debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >"$work/debootstrap.log" 2>&1 || {
		tail "$work/debootstrap.log"
		cannot 'debootstrap failed'
	}
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
ok 'a fresh Debian 12'

inside() { # in the root, before it has booted
	unshare -m -p -f --kill-child --mount-proc="$root/proc" \
		chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

mkdir "$root/root/debs"
cp "$work"/debs/*.deb "$root/root/debs"
# shellcheck disable=SC2016 # for the shell inside
inside sh -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends /root/debs/*.deb' \
	>"$work/install.log" 2>&1 || {
	tail -n 40 "$work/install.log"
	grep -qi 'failed to fetch\|could not resolve\|unable to locate' "$work/install.log" &&
		cannot 'no Debian mirror'
	fail 'the packages do not install'
}
ok 'installed with what they depend on'

# -- it boots ------------------------------------------------------------------------------------

# shellcheck disable=SC2016 # for the shell inside
unshare -m -p -f -u -i -n -C --kill-child sh -euc '
	cd "$1"
	mount --make-rprivate /
	mount --bind . .
	cd "$1"
	mount -t proc proc proc
	mount -t sysfs sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mount -t tmpfs -o mode=755 tmpfs run
	mount -t tmpfs tmpfs tmp
	mount -t tmpfs -o mode=755 tmpfs dev
	for node in null zero full random urandom tty; do
		touch dev/$node
		mount --bind /dev/$node dev/$node
	done
	mkdir dev/pts dev/shm old
	mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	pivot_root . old
	umount -l /old
	rmdir /old
	mount --make-rshared /
	exec env -i container=mxwatch-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd' \
	sh "$root" </dev/null >"$work/boot.log" 2>&1 &
machine=$!

booted() { # in the booted system
	init=$(cat "/proc/$machine/task/$machine/children")
	nsenter -t "${init% }" -m -p -u -i -n -C env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		DEBIAN_FRONTEND=noninteractive "$@"
}

for _ in $(seq 300); do
	[ -d "/proc/$machine" ] || { cat "$work/boot.log"; cannot 'systemd does not boot here'; }
	booted systemctl is-system-running --wait >"$work/running" 2>&1 || true
	grep -qx 'running\|degraded' "$work/running" && break
	sleep 0.1
done
grep -qx 'running\|degraded' "$work/running" || { cat "$work/boot.log" "$work/running"; cannot 'systemd does not boot here'; }
ok "systemd is up: $(cat "$work/running")"

cp "$top/contrib/debian/tests/installed" "$root/root/installed"
booted /root/installed || fail 'the installed daemon'
ok 'used'

# -- an upgrade keeps everything -----------------------------------------------------------------

mkdir "$work/newer"
for deb in "$work"/debs/*.deb; do
	dpkg-deb -R "$deb" "$work/newer/tree"
	sed -i -E 's/^(Version: .*)$/\1+upgrade/; s/^(Depends: .*mxwatch \(= [^)]*)\)/\1+upgrade)/' \
		"$work/newer/tree/DEBIAN/control"
	[ ! -d "$work/newer/tree/etc" ] || echo '# the newer one' >>"$work/newer/tree/etc/mxwatch/mxwatch.yaml"
	dpkg-deb --root-owner-group -b "$work/newer/tree" "$work/newer/$(basename "$deb")" >/dev/null
	rm -r "$work/newer/tree"
done
mkdir "$root/root/newer"
cp "$work"/newer/*.deb "$root/root/newer"
state() {
	booted sh -c 'stat -c %i /var/lib/mxwatch/state.db; cat /etc/mxwatch/mxwatch.yaml; mxwatch list'
}
pid() {
	booted systemctl show -p MainPID --value mxwatchd
}
was=$(state) pid=$(pid)
booted sh -c 'dpkg --force-confold -i /root/newer/*.deb' >"$work/upgrade.log" 2>&1 || {
	cat "$work/upgrade.log"
	fail 'the upgrade'
}
for _ in $(seq 200); do
	booted mxwatch status >/dev/null 2>&1 && break
	sleep 0.1
done
[ "$(pid)" != "$pid" ] || fail 'the upgrade did not restart it'
[ "$(state)" = "$was" ] || fail "the upgrade changed: $was; now: $(state)"
booted systemctl -q is-active mxwatchd || fail 'it does not run behind the upgrade'
ok 'upgraded: restarted, state and configuration as they were'

# -- removal and purge ---------------------------------------------------------------------------

booted apt-get remove -qq -y mxwatch mxwatchd >"$work/remove.log" 2>&1 || { cat "$work/remove.log"; fail 'remove'; }
! booted systemctl -q is-active mxwatchd || fail 'it runs behind its removal'
[ ! -e "$root/usr/sbin/mxwatchd" ] || fail 'programs are left'
for file in var/lib/mxwatch/state.db etc/mxwatch/mxwatch.yaml; do
	[ -s "$root/$file" ] || fail "removal took $file"
done
booted apt-get purge -qq -y mxwatch mxwatchd >"$work/purge.log" 2>&1 || { cat "$work/purge.log"; fail 'purge'; }
rm -r "$root/root"
left=$(cd "$root" && find . -xdev \( -name '*mxwatch*' -o -uid "$(booted id -u mxwatch)" \) \
	! -path './var/log/journal/*' ! -path './var/cache/*' ! -path './proc/*' ! -path './run/*')
[ -z "$left" ] || fail "purge left: $left"
[ -z "$(booted find /run /tmp -name '*mxwatch*' ! -path '/run/log/*')" ] || fail 'purge left files in /run or /tmp'
ok 'removed and purged: nothing is left but the account'
