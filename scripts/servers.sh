# Sourced, after install.sh and nodes.sh. Starts a MariaDB, a Redis and an S3-compatible server of our own: as whoever runs this, on free
# loopback ports, with a password, below one folder. A server that a package started is left alone.

MARIADB_PID=
REDIS_PID=
MOTO_PID=

# start_mariadb FOLDER SCOPE : SCOPE is what the account may use, such as 'starling.*'. Sets MARIADB_URL, which names
# no database.
start_mariadb() {
    local folder scope=$2 port password
    # A tmpdir of its own: a server that starts removes what others have in a common one.
    mkdir -p "$1/tmp"
    folder=$(cd "$1" && pwd)
    port=$(free_port)
    password=$(password_in "$folder")
    if [ ! -d "$folder/data/mysql" ]; then
        mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$folder/data" --tmpdir="$folder/tmp" --skip-test-db \
            --auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" >"$folder/log" 2>&1 ||
            fail "mariadb-install-db failed; its log is $folder/log"
    fi
    (
        umask 077
        # One statement in a line; read at each start.
        cat >"$folder/init.sql" <<SQL
CREATE USER IF NOT EXISTS 'starling'@'127.0.0.1';
ALTER USER 'starling'@'127.0.0.1' IDENTIFIED BY '$password';
GRANT ALL ON $scope TO 'starling'@'127.0.0.1' WITH GRANT OPTION;
SQL
    )
    # The path of a socket is short: it is relative to the data.
    alone mariadbd --no-defaults --user="$(id -un)" --datadir="$folder/data" --tmpdir="$folder/tmp" --socket=s \
        --pid-file="$folder/pid" --init-file="$folder/init.sql" --bind-address=127.0.0.1 --port="$port" --skip-name-resolve \
        >>"$folder/log" 2>&1 &
    MARIADB_PID=$!
    MARIADB_URL=mysql://starling:$password@127.0.0.1:$port
    wait_server "$MARIADB_PID" "$folder/log" env MYSQL_PWD="$password" mariadb-admin --no-defaults \
        --protocol=tcp --host=127.0.0.1 --port="$port" --user=starling ping
}

# create_database NAME : in the MariaDB that was started, if it is not there yet.
create_database() {
    local password=${MARIADB_URL#*:*:} port=${MARIADB_URL##*:}
    MYSQL_PWD=${password%@*} mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$port" --user=starling \
        --execute="CREATE DATABASE IF NOT EXISTS $1 CHARACTER SET utf8mb4"
}

# start_redis FOLDER : keeps nothing on disk. Sets REDIS_URL.
start_redis() {
    local folder port password
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    port=$(free_port)
    password=$(password_in "$folder")
    # From standard input: arguments are for everybody to read.
    alone redis-server - <<CONF >>"$folder/log" 2>&1 &
bind 127.0.0.1
port $port
requirepass $password
save ""
appendonly no
dir "$folder"
CONF
    REDIS_PID=$!
    REDIS_URL=redis://:$password@127.0.0.1:$port
    wait_server "$REDIS_PID" "$folder/log" redis_answers "$port" "$password"
}

redis_answers() {
    [ "$(REDISCLI_AUTH=$2 redis-cli -p "$1" ping)" = PONG ]
}

# start_moto FOLDER : a server that speaks S3 and keeps nothing on disk. Takes any key; sets S3_URL.
start_moto() {
    local folder port
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    port=$(free_port)
    ensure_moto "$folder"
    alone "$folder/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >>"$folder/log" 2>&1 &
    MOTO_PID=$!
    S3_URL=http://127.0.0.1:$port
    wait_server "$MOTO_PID" "$folder/log" "$folder/venv/bin/python" -c \
        "import urllib.request; urllib.request.urlopen('$S3_URL/moto-api/')"
}

# stop_servers : stops what was started here, and waits until it has ended.
stop_servers() {
    local pid
    for pid in $MARIADB_PID $REDIS_PID $MOTO_PID; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in $MARIADB_PID $REDIS_PID $MOTO_PID; do
        wait "$pid" 2>/dev/null || true
    done
    MARIADB_PID=
    REDIS_PID=
    MOTO_PID=
}

# alone COMMAND... : away from the terminal's Ctrl-C, so that nodes can leave first, and gone when this shell is gone.
alone() {
    exec setsid setpriv --pdeathsig KILL "$@"
}

# wait_server PID LOG COMMAND... : until the command succeeds; the log is shown when it does not in time.
wait_server() {
    local pid=$1 log=$2 tries
    shift 2
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" >/dev/null 2>&1; then
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$log" >&2
    fail "a server did not start; its log is $log"
}

# password_in FOLDER : the password kept there, drawn at the first time.
password_in() {
    if [ ! -s "$1/password" ]; then
        (umask 077 && od -An -N18 -tx1 /dev/urandom | tr -d ' \n' >"$1/password")
    fi
    cat "$1/password"
}
