# SPDX-License-Identifier: Apache-2.0
# Packages of any suite of Debian, taken from the archive that the system's own package sources name, without touching the system:
# apt gets directories of its own. For other scripts, which source it.
# shellcheck shell=bash disable=SC2034 # archive_why is read by who sources this

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# What the sources call Debian, or Debian-Security; whatever suite they take from it. Nothing: none is named.
archive_of() {
    apt-get indextargets --format "\$(ORIGIN)|\$(LABEL)|\$(REPO_URI)" 'Created-By: Packages' | sed -n "s/^Debian|$1|//p" | head -n 1
}

# The reason of a failed run of apt, from what it printed.
archive_reason() {
    grep -m 1 '^E:' "$1" || tail -n 1 "$1"
}

# Reads the lists of suites into the directory ROOT and sets apt_options for all that follows: archive_begin ROOT LABEL:SUITE...
# When it fails archive_why says why.
archive_begin() {
    local root=$1 source archive
    shift
    [ -r "$archive_keyring" ] || { archive_why="$archive_keyring is not there" && return 1; }
    mkdir -p "$root/lists/partial" "$root/archives/partial"
    : >"$root/sources.list"
    for source in "$@"; do
        archive=$(archive_of "${source%%:*}")
        [ -n "$archive" ] || { archive_why="the package sources of this system name no archive of ${source%%:*}" && return 1; }
        echo "deb [signed-by=$archive_keyring] $archive ${source#*:} main" >>"$root/sources.list"
    done
    apt_options=(-qq -o "Dir::Etc::sourcelist=$root/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null
        -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State::lists=$root/lists" -o "Dir::Cache=$root" -o Acquire::Languages=none
        -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any)
    apt-get "${apt_options[@]}" update >"$root/log" 2>&1 || { archive_why=$(archive_reason "$root/log") && return 1; }
}

# Downloads packages (NAME or NAME=VERSION) into ROOT. When it fails archive_why says why.
archive_download() {
    local root=$1
    shift
    (cd "$root" && apt-get "${apt_options[@]}" download "$@") >"$root/log" 2>&1 || { archive_why=$(archive_reason "$root/log") && return 1; }
}
