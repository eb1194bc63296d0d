# Sourced. Makes sure that programs are there; asks apt only for what is missing, and says what it installs.

# Where Debian keeps nginx and mariadbd, and not in everybody's path.
PATH=$PATH:/usr/sbin

# ensure_packages PACKAGE... : Debian packages.
ensure_packages() {
    local missing=() package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" != 'install ok installed' ]; then
            missing+=("$package")
        fi
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "these packages are missing and need root to install: ${missing[*]}"
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}"
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# What building needs: Rust, Node.js, and a C compiler for SQLite and ring.
ensure_builders() {
    command -v cargo >/dev/null || fail 'Rust is missing: install it with rustup (https://rustup.rs)'
    command -v npm >/dev/null || fail 'Node.js with npm is missing: version 20.19 or later'
    command -v cc >/dev/null || ensure_packages gcc libc6-dev
}

# The proxy in front of a cluster. Only the program: a server that the package starts is none of ours.
ensure_nginx() {
    command -v nginx >/dev/null || ensure_packages nginx
}

# The database and its client. Only the programs: we start a server of our own.
ensure_mariadb() {
    if ! command -v mariadbd >/dev/null || ! command -v mariadb-admin >/dev/null; then
        ensure_packages mariadb-server mariadb-client
    fi
}

# Likewise only the program.
ensure_redis() {
    if ! command -v redis-server >/dev/null || ! command -v redis-cli >/dev/null; then
        ensure_packages redis-server redis-tools
    fi
}

# ensure_moto FOLDER : an S3-compatible server from PyPI, in an environment of its own.
ensure_moto() {
    if [ ! -x "$1/venv/bin/moto_server" ]; then
        python3 -c 'import ensurepip' 2>/dev/null || ensure_packages python3-venv
        python3 -m venv "$1/venv"
        "$1/venv/bin/pip" --quiet --disable-pip-version-check install 'moto[server]==5.*'
    fi
}

# Makes a certificate to test the TLS form of nginx's configuration with.
ensure_openssl() {
    command -v openssl >/dev/null || ensure_packages openssl
}

# Makes networks to test in.
ensure_ip() {
    command -v ip >/dev/null || ensure_packages iproute2
}

# What drives the web client in tests; the fonts are for Chinese and emoji.
ensure_browser() {
    command -v chromium >/dev/null || ensure_packages chromium
    ensure_packages fonts-wqy-microhei fonts-noto-color-emoji
}

# The checker of licences, bans and sources: built once, about three minutes.
ensure_cargo_deny() {
    if ! command -v cargo-deny >/dev/null && ! [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo-deny" ]; then
        echo 'Installing cargo-deny'
        (cd / && cargo install --locked --quiet cargo-deny)
    fi
}

# What asks a node everything its API's description says, with its dependencies, in a folder of its own.
SCHEMATHESIS_VERSION=4.32.5
ensure_schemathesis() {
    local folder=${CARGO_TARGET_DIR:-target}/schemathesis-$SCHEMATHESIS_VERSION
    SCHEMATHESIS=$folder/bin/schemathesis
    if [ -e "$folder/complete" ]; then
        return
    fi
    command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null ||
        ensure_packages python3 python3-venv
    echo "Installing schemathesis $SCHEMATHESIS_VERSION"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" --quiet --disable-pip-version-check install "schemathesis==$SCHEMATHESIS_VERSION"
    touch "$folder/complete"
}

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}
