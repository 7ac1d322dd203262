# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that try the project in a new Debian 12: a chroot, made with debootstrap, with
# the mirror, keys and proxies of this machine's own APT. Run from the root of the tree.
#
# All mounts are made in a separate mount namespace, so nothing stays mounted whatever happens. If a
# chroot cannot be made, the script ends with exit code 77 and the reason.

suite=bookworm
keep= # not empty: the chroot stays when the script ends
objects= # not empty: a folder of ccache, which a compiler in the chroot uses

say() {
	echo "${0##*/}: $*"
}

cannot() {
	say "cannot run here: $*" >&2
	exit 77
}

# Prints "URI KEYRING COMPONENT" of each Debian 12 archive that APT knows here, one for each release
# (bookworm, bookworm-updates, bookworm-security). APT itself reads its .list and .sources files.
archives() {
	local format='$(RELEASE)|$(REPO_URI)|$(SIGNED_BY)|$(COMPONENT)|$(ORIGIN)'
	apt-get indextargets --format "$format" 'Created-By: Packages' |
		awk -F'|' -v suite="$suite" '
			$4 == "main" && $5 ~ /^$|^Debian|^\$/ &&
			$1 ~ "^" suite "(-updates|-security)?$" && !seen[$1]++ {
				print $1, $2, $3 ~ "^/" ? $3 : "-"
			}'
}

# Ends the script if no chroot can be made.
check_machine() {
	[ "$(id -u)" -eq 0 ] || cannot "it takes root: chroot and mount"
	unshare --mount true 2>/dev/null || cannot "mounting is forbidden (a container?)"
	[ -n "$(command -v apt-get)" ] || cannot "no APT"
	[ -n "$(archives)" ] || cannot "APT knows no archive of Debian $suite"
	tools/setup --chroot
}

# Prints a keyring for debootstrap: the one that signs the archive, or else all of Debian's keys
# that are here.
keyring() {
	local debian=/usr/share/keyrings/debian-archive-keyring.gpg
	# "-" stands for none, whatever files are here.
	if [ "$1" != - ] && [ -r "$1" ]; then
		echo "$1"
	elif [ -r $debian ]; then
		echo $debian
	else
		cannot "no keyring for Debian $suite: install debian-archive-keyring"
	fi
}

# Several scripts that run after one another may share what debootstrap makes: WEIR_CHROOT_BASE
# names an archive, which the first of them writes. Each unpacks a system of its own.
bootstrap() {
	local base=${WEIR_CHROOT_BASE-}
	if [ -n "$base" ] && [ -f "$base" ]; then
		say "unpacks the $suite that was made before"
		mkdir "$root"
		tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -xpf "$base"
		return
	fi
	debootstrap_here
	if [ -n "$base" ]; then
		tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -cpf "$base.part" .
		mv "$base.part" "$base"
	fi
}

debootstrap_here() {
	local release uri key log=$folder/debootstrap.log
	read -r release uri key < <(archives | grep "^$suite ")
	key=$(keyring "$key")
	say "debootstrap $suite (log: $log)"
	# dpkg need not wait for the disk: the folder is removed, so no power cut matters.
	mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/90machine"
	export http_proxy=${http_proxy:-$(apt_proxy http)}
	export https_proxy=${https_proxy:-$(apt_proxy https)}
	if ! debootstrap --variant=minbase --keyring="$key" "$suite" "$root" "$uri" \
		>"$log" 2>&1; then
		tail -20 "$log"
		return 1
	fi
}

apt_proxy() {
	local proxy=
	eval "$(apt-config shell proxy "Acquire::$1::Proxy")"
	[ "$proxy" = DIRECT ] || echo "$proxy"
}

# Configures APT in the chroot to reach the archive as this machine does. Passwords are not copied:
# auth.conf stays here.
configure_apt() {
	local release uri key file
	rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
	while read -r release uri key; do
		key=$(keyring "$key")
		mkdir -p "$root${key%/*}"
		cp "$key" "$root$key"
		echo "deb [signed-by=$key] $uri $release main" >>"$root/etc/apt/sources.list"
	done < <(archives)
	apt-config dump | sed -nE '/^Acquire::(http|https|ForceIPv4|Retries)\b.*"[^"]+";$/p' \
		>"$root/etc/apt/apt.conf.d/90machine"
	for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
		if [ -r "$file" ]; then
			mkdir -p "$root${file%/*}"
			cp -L "$file" "$root$file"
		fi
	done
}

# Runs a command in the chroot's /weir, in namespaces whose mounts and processes end with it.
run_inside() {
	unshare --mount --pid --fork --kill-child bash -euc '
		mount --make-rprivate /
		mount -t proc proc "$1/proc"
		mount --rbind /dev "$1/dev"
		mount -t sysfs -o ro sysfs "$1/sys" 2>/dev/null || :
		[ -z "$3" ] || mount --bind "$3" "$1/root/.cache/ccache"
		exec chroot "$1" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			${http_proxy:+http_proxy="$http_proxy"} \
			${https_proxy:+https_proxy="$https_proxy"} bash -c "cd /weir && $2"
	' bash "$root" "$1" "$objects"
}

# Makes the chroot $root in the folder $folder, which is removed at the end if $keep is empty.
make_chroot() {
	folder=$(mktemp -d "${TMPDIR:-/tmp}/weir-chroot.XXXXXX")
	root=$folder/root
	[ -n "$keep" ] || trap 'rm -rf --one-file-system "$folder"' EXIT
	bootstrap
	configure_apt
	mkdir -p "$root/weir"
	[ -z "$objects" ] || share_objects
}

# The paths of /weir are others than here, and compilers of one version may be installed at several
# times: what is compared is the contents of all files that are read, the compiler and its options.
share_objects() {
	mkdir -p "$root/root/.cache/ccache"
	printf '%s\n' 'hash_dir = false' 'depend_mode = true' 'compiler_check = content' \
		>"$root/etc/ccache.conf"
}

# Installs packages in the chroot.
install_inside() {
	local log=$folder/apt.log
	if ! run_inside "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
		--no-install-recommends $*" >"$log" 2>&1; then
		tail -20 "$log"
		return 1
	fi
}

# Runs a command in the chroot, says whether it succeeded, and ends the script with its exit code.
judge_inside() {
	local code=0
	run_inside "$1" || code=$?
	[ -z "$keep" ] || say "kept: $root"
	say "$([ $code -eq 0 ] && echo passed || echo "FAILED with exit code $code"), $SECONDS s"
	exit $code
}
