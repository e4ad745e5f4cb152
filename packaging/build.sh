#!/bin/sh
# Build wheel and source distribution into dist/, and check them: `packaging/build.sh [VERSION]`.
# VERSION, if given, has to be the package's own. Used by the release workflow; works in any checkout.
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/build"
"$scratch/build/bin/pip" install --quiet build twine
rm -rf dist
"$scratch/build/bin/python" -m build --outdir dist . >"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
"$scratch/build/bin/twine" check --strict dist/*

own=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' mergeguard/__init__.py)
if [ "${1-$own}" != "$own" ]; then
    echo "the tag says $1, mergeguard/__init__.py says $own" >&2
    exit 1
fi
for made in dist/*.whl dist/*.tar.gz; do
    python3 -m venv --clear "$scratch/try"
    "$scratch/try/bin/pip" install --quiet "$made"
    (cd "$scratch" && "$scratch/try/bin/mergeguard" --version && "$scratch/try/bin/mergeguard" demo >"$scratch/demo")
    grep -q 'byte for byte' "$scratch/demo"
    test -s "$scratch/try/share/man/man1/mergeguard.1"
    echo "$made: installs, and its demo is right"
done
