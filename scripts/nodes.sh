# Sourced, after install.sh, in the root of the checkout. Starts nodes and an nginx in front, waits for them, stops
# them by process id. Everything they write is below one folder.

NODE_PIDS=()
NGINX_PID=
PAGES_PID=

# free_port : prints a port below the range of outgoing connections that nobody has, neither TCP nor UDP.
free_port() {
    local port hex
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        hex=$(printf ':%04X ' "$port")
        if ! grep -qs "$hex" /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; then
            echo "$port"
            return
        fi
    done
}

# http_status PORT PATH [HOST] : prints the status a server on this machine answers with; nothing when it does not.
http_status() {
    local line= host=${3:-127.0.0.1}
    {
        exec 3<>"/dev/tcp/${host//[\[\]]/}/$1" || return 0
        printf 'GET %s HTTP/1.0\r\nHost: %s:%s\r\n\r\n' "$2" "$host" "$1" >&3
        read -r -t 2 line <&3 || true
        exec 3>&-
    } 2>/dev/null
    line=${line#HTTP/1.? }
    echo "${line%% *}"
}

# wait_ready PORT PID LOG [HOST] : until the server on the port is ready; its log is shown when it is not in time.
wait_ready() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if [ "$(http_status "$1" /readyz "${4-}")" = 200 ]; then
            return
        fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$3" >&2
    fail "the server on port $1 did not become ready; its log is $3"
}

# start_node FOLDER NAME PORT [FLAG...] : one more node; its process id is the last of NODE_PIDS.
start_node() {
    local folder=$1 name=$2 port=$3
    shift 3
    "$STARLING_BIN" serve --data "$folder" --name "$name" --listen "127.0.0.1:$port" "$@" >>"$folder/$name.log" 2>&1 &
    NODE_PIDS+=($!)
}

# start_cluster FOLDER COUNT HOST PORT [FLAG...] : nodes that share the folder's store and key, nginx in front on
# HOST:PORT. Flags go to every node. Sets NODE_PORTS.
start_cluster() {
    local folder=$1 count=$2 host=$3 port=$4 bus node
    shift 4
    mkdir -p "$folder"
    if [ ! -s "$folder/cluster.key" ]; then
        (umask 077 && "$STARLING_BIN" keygen >"$folder/cluster.key")
    fi
    bus=$(free_port)
    NODE_PORTS=()
    for ((node = 1; node <= count; node++)); do
        NODE_PORTS+=("$(free_port)")
        start_node "$folder" "node-$node" "${NODE_PORTS[-1]}" \
            --set "cluster.key_file=$folder/cluster.key" \
            --set "cluster.listen=0.0.0.0:$bus" \
            --set "cluster.targets=127.255.255.255:$bus" \
            --set http.proxies=127.0.0.1 "$@"
        # The first one makes the store.
        wait_ready "${NODE_PORTS[-1]}" "${NODE_PIDS[-1]}" "$folder/node-$node.log"
    done
    start_nginx "$folder/nginx" "$host" "$port" "${NODE_PORTS[@]}"
}

# write_nginx FOLDER HOST PORT NODE_PORT... : the configuration as shipped, with own ports, below FOLDER.
write_nginx() {
    local folder=$1 host=$2 port=$3 nodes=()
    shift 3
    mkdir -p "$folder/starling" "$folder/temp"
    cp nginx/*.conf "$folder/starling/"
    echo "listen $host:$port;" >"$folder/starling/listen.conf"
    sed -i "s|/var/log/nginx/|$folder/|" "$folder"/starling/*.conf
    local node
    for node in "$@"; do
        nodes+=(--node "127.0.0.1:$node")
    done
    "$STARLING_BIN" nginx "${nodes[@]}" >"$folder/starling/nodes.conf"
    "$STARLING_BIN" nginx --sockets "${nodes[@]}" >"$folder/starling/sockets.conf"
    {
        # Workers of a master that is root would not reach a private folder.
        [ "$(id -u)" -ne 0 ] || echo 'user root;'
        echo "pid $folder/nginx.pid;"
        echo "error_log $folder/error.log;"
        echo 'worker_processes 2;'
        echo 'events { worker_connections 8192; }'
        echo 'http {'
        # As distributions' own configuration does.
        [ ! -e /etc/nginx/mime.types ] || echo '    include /etc/nginx/mime.types;'
        for node in client_body proxy fastcgi uwsgi scgi; do
            echo "    ${node}_temp_path $folder/temp/$node;"
        done
        echo '    include starling/starling.conf;'
        echo '}'
    } >"$folder/nginx.conf"
}

start_nginx() {
    local folder
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    shift
    write_nginx "$folder" "$@"
    run_nginx "$folder"
    NGINX_PID=$!
    wait_ready "$2" "$NGINX_PID" "$folder/error.log" "$1"
}

# start_pages FOLDER PAGES HOST PORT NODE_PORT... : one more nginx before the same nodes, which serves a folder of old
# pages.
start_pages() {
    local folder pages
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    pages=$(cd "$2" && pwd)
    shift 2
    write_nginx "$folder" "$@"
    sed -i "s|include starling/locations.conf;|set \$starling_pages $pages; include starling/legacy-pages.conf;|" \
        "$folder/starling/starling.conf"
    run_nginx "$folder"
    PAGES_PID=$!
    wait_ready "$2" "$PAGES_PID" "$folder/error.log" "$1"
}

run_nginx() {
    nginx -q -t -p "$1" -c "$1/nginx.conf" -e "$1/error.log" || fail "nginx refuses $1/nginx.conf"
    nginx -p "$1" -c "$1/nginx.conf" -e "$1/error.log" -g 'daemon off;' >>"$1/error.log" 2>&1 &
}

# stop_all : stops what was started here, and waits until it has ended. Nodes take their time to drain.
stop_all() {
    local pid
    for pid in $NGINX_PID $PAGES_PID "${NODE_PIDS[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in $NGINX_PID $PAGES_PID "${NODE_PIDS[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    NODE_PIDS=()
    NGINX_PID=
    PAGES_PID=
}

LAN_ADDRESS=192.168.77.1

# in_a_lan COMMAND... : where this machine has LAN_ADDRESS and its loopback, in a network namespace that goes with the
# last process in it.
in_a_lan() {
    local rights=()
    [ "$(id -u)" -eq 0 ] || rights=(--user --map-root-user)
    # shellcheck disable=SC2016
    unshare "${rights[@]}" --net bash -euc '
        ip link set lo up
        ip link add lan0 type veth peer name lan1
        ip address add "$1/24" dev lan0
        ip link set lan0 up
        ip link set lan1 up
        shift
        exec "$@"' in_a_lan "$LAN_ADDRESS" "$@"
}
