# Sourced, after install.sh, in the root of the checkout. Builds the web client and the binary.

# The web client's packages, when they are not those of the lock file.
install_web_packages() {
    if [ views/node_modules/.package-lock.json -nt views/package-lock.json ]; then
        return
    fi
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm --prefix views ci --no-audit --no-fund --loglevel=error
    touch views/node_modules/.package-lock.json
}

# Whether asset/app is newer than everything it is made of.
web_is_built() {
    [ -e asset/app/index.html ] || return 1
    local newer
    newer=$(find views asset/public -name node_modules -prune -o -type f -newer asset/app/index.html -print -quit 2>/dev/null)
    [ -z "$newer" ]
}

build_web() {
    if web_is_built; then
        return
    fi
    install_web_packages
    (cd views && node_modules/.bin/vite build --logLevel warn)
    touch asset/app/index.html
    # The binary holds the files that were there when this was compiled; cargo does not see new ones.
    touch src/http/assets.rs
}

# build [--debug] : sets STARLING_BIN. The web client is built while the dependencies compile; it has to be
# there before our own crate is, which holds it.
build() {
    local flags=(--release) folder=release
    if [ "${1-}" = --debug ]; then
        flags=()
        folder=debug
    fi
    local target=${CARGO_TARGET_DIR:-target}
    if ! web_is_built; then
        local web
        build_web &
        web=$!
        if [ ! -e "$target/$folder/starling" ]; then
            # shellcheck disable=SC2046
            cargo build "${flags[@]}" $(dependencies) || { wait "$web"; return 1; }
        fi
        wait "$web" || fail 'the web client does not build'
    fi
    cargo build "${flags[@]}" --bin starling
    STARLING_BIN=$target/$folder/starling
}

# Our direct dependencies, as cargo's -p arguments.
dependencies() {
    cargo tree --edges normal --depth 1 --prefix none --format '{p}' |
        sed -n '2,$s/^\([^ ]*\) v\([^ ]*\).*/-p \1@\2/p' | sort -u
}
