#!/bin/sh
# tools/sysroot.sh ARCHITECTURE: unpacks the development packages of another Debian architecture into build/sysroot-ARCHITECTURE/, for
# cross builds. They come from the repositories that this machine gets its own packages from, in the same release; apt and dpkg of the
# machine learn nothing of it. Nothing is done if it is there with the packages named here; remove the folder to get newer versions.
set -eu
cd "$(dirname "$0")/.."
architecture=$1
sysroot=$PWD/build/sysroot-$architecture
# What riacho is compiled and linked with, and of what the container image is made. tools/setup.sh has the same list for this machine.
wanted="libboost1.81-dev libcli11-dev libfmt-dev libgtest-dev libisal-dev libmimalloc-dev libnghttp2-dev libpcre2-dev libsimdjson-dev libsqlite3-dev
 libssl-dev libstdc++-12-dev libtomlplusplus-dev zlib1g-dev base-files libc6 tzdata ca-certificates"
wanted=$(echo $wanted)
if [ "$(cat "$sysroot/complete" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

apt=$sysroot.apt
rm -rf "$apt" "$sysroot.partial"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$sysroot.partial/var/lib/dpkg/info" "$sysroot.partial/var/lib/dpkg/updates"
trap 'rm -rf "$apt"' EXIT
: >"$apt/status"
# shellcheck disable=SC2016
apt-get indextargets --format '$(ORIGIN) deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u >"$apt/sources.list"
fetch() {
    apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o Dir::Etc::sourcelist="$apt/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
        -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
echo "sysroot: fetching the packages of $architecture" >&2
fetch update
# shellcheck disable=SC2086
fetch -y --no-install-recommends --download-only install $wanted >/dev/null

echo "sysroot: unpacking" "$(ls "$apt"/cache/archives/*.deb | wc -l)" "packages into $sysroot" >&2
# /lib is /usr/lib in Debian, though packages still name both.
for folder in bin lib lib64 sbin; do
    mkdir -p "$sysroot.partial/usr/$folder"
    ln -s "usr/$folder" "$sysroot.partial/$folder"
done
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$sysroot.partial" --keep-directory-symlink --no-same-owner
    dpkg-deb --field "$package" | sed '/^Package: /a Status: install ok unpacked' >>"$sysroot.partial/var/lib/dpkg/status"
    echo >>"$sysroot.partial/var/lib/dpkg/status"
done
# Links to absolute paths would lead into this machine.
find "$sysroot.partial" -type l -lname '/*' | while read -r link; do
    ln -sfn --relative "$sysroot.partial$(readlink "$link")" "$link"
done
echo "$wanted" >"$sysroot.partial/complete"
# Under its name only when it is whole.
rm -rf "$sysroot"
mv "$sysroot.partial" "$sysroot"
