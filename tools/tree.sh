# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that work on a copy of the working tree. Run from the root of the tree.

# Copies the tree into a folder: the files that git tracks or would add; without git, everything
# except build folders.
copy_tree() {
	mkdir -p "$1"
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -z -co --exclude-standard |
			while IFS= read -r -d '' path; do
				[ ! -e "$path" ] || printf '%s\0' "$path"
			done |
			tar -c --null -T - | tar -x -C "$1" --no-same-owner
	else
		tar -c --exclude='./build*' --exclude='./.git' . | tar -x -C "$1" --no-same-owner
	fi
}
