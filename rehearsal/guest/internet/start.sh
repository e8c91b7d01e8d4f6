#!/bin/sh
# Makes this rehearsal's authorities and starts what stands in for the internet. Prints the authorities in PEM.
# Argument: this container's address in the public network.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
address=$1
directory=/etc/internet
umask 077
mkdir -p "$directory"
cd "$directory"
if [ ! -s server.pem ]; then
    # One authority for the names that others own (github.com, …); Pebble makes the other one, for the product's names.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout authority.key -out authority.pem \
        -subj '/O=Slipway rehearsal/CN=Everybody else' \
        -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr \
        -subj '/CN=github.com' 2>/dev/null
    spaces=
    for region in ams3 atl1 blr1 fra1 lon1 nyc3 sfo2 sfo3 sgp1 syd1 tor1; do
        spaces="$spaces,DNS:$region.digitaloceanspaces.com,DNS:*.$region.digitaloceanspaces.com"
    done
    printf '%s\n' 'subjectAltName=DNS:github.com,DNS:acme-v02.api.letsencrypt.org,DNS:acme-staging-v02.api.letsencrypt.org,DNS:*.pooler.supabase.com,DNS:ghcr.io,DNS:docker.io,DNS:*.docker.io,DNS:localhost,IP:127.0.0.1'"$spaces" \
        'basicConstraints=CA:FALSE' 'keyUsage=digitalSignature' 'extendedKeyUsage=serverAuth' >server.ext
    openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 30 -extfile server.ext \
        -out server.part 2>/dev/null
    mv server.part server.pem
fi

# What the internet's names lead to; names of the product come with records.conf.
mkdir -p /etc/dnsmasq.d
for name in github.com acme-v02.api.letsencrypt.org acme-staging-v02.api.letsencrypt.org pooler.supabase.com digitaloceanspaces.com \
    ghcr.io docker.io; do
    printf 'address=/%s/%s\nlocal=/%s/\n' "$name" "$address" "$name"
done >/etc/dnsmasq.d/internet.conf
touch /etc/dnsmasq.d/records.conf
chmod 755 /etc/dnsmasq.d
chmod 644 /etc/dnsmasq.d/*.conf

# Who has logged in to ghcr.io holds this ticket; whom it lets log in is set later.
if [ ! -s ghcr.json ]; then
    ticket=$(openssl rand -hex 16)
    printf '"Bearer %s" 1;\n' "$ticket" >ghcr.map
    : >ghcr.htpasswd
    printf '{"token": "%s"}\n' "$ticket" >ghcr.json
fi
chown root:www-data ghcr.htpasswd ghcr.json
chmod 640 ghcr.htpasswd ghcr.json
chmod 711 "$directory"

cat >pebble.json <<JSON
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
  "certificate": "$directory/server.pem", "privateKey": "$directory/server.key", "httpPort": 80, "tlsPort": 443,
  "ocspResponderURL": "", "externalAccountBindingRequired": false, "certificateValidityPeriod": 7776000}}
JSON

version=$(find /etc/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | head -n 1)
install -o postgres -g postgres -m 600 server.key "/etc/postgresql/$version/main/server.key"
install -o postgres -g postgres -m 644 server.pem "/etc/postgresql/$version/main/server.pem"
mkdir -p "/etc/postgresql/$version/main/conf.d"
cat >"/etc/postgresql/$version/main/conf.d/internet.conf" <<CONF
listen_addresses = '*'
ssl = on
ssl_cert_file = '/etc/postgresql/$version/main/server.pem'
ssl_key_file = '/etc/postgresql/$version/main/server.key'
fsync = off
max_connections = 200
CONF
chmod 644 "/etc/postgresql/$version/main/conf.d/internet.conf"
# TLS from outside only, with a password.
printf 'local all postgres peer\nhostssl all all 0.0.0.0/0 scram-sha-256\n' >"/etc/postgresql/$version/main/pg_hba.conf"
chown postgres:postgres "/etc/postgresql/$version/main/pg_hba.conf"

systemctl daemon-reload
systemctl start dnsmasq.service pebble-acme.service fcgiwrap.socket docker-registry.service objects.service nginx.service \
    "postgresql@$version-main.service"

tries=0
until root=$(curl -fsSk --max-time 2 https://127.0.0.1:15000/roots/0 2>/dev/null); do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo 'the ACME server does not answer' >&2; exit 1; }
    sleep 0.1
done
cat authority.pem
echo '= acme'
printf '%s\n' "$root"
