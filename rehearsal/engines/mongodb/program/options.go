package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The options of the real programs that somebody may give; true: a value follows. What changes nothing here is read
// and left at that, what the real program does not know is refused as it does.
var mongodOptions = map[string]bool{
	"config": true, "replSet": true, "keyFile": true, "auth": false, "bind_ip": true, "bind_ip_all": false, "port": true,
	"dbpath": true, "wiredTigerCacheSizeGB": true, "oplogSize": true, "quiet": false, "logpath": true, "logappend": false,
	"ipv6": false, "directoryperdb": false, "setParameter": true, "profile": true, "slowms": true, "maxConns": true,
	"tlsMode": true, "tlsCertificateKeyFile": true, "tlsCAFile": true, "nounixsocket": false, "noscripting": false,
	"wiredTigerCollectionBlockCompressor": true, "storageEngine": true, "clusterAuthMode": true,
}

var shellOptions = map[string]bool{
	"eval": true, "quiet": false, "host": true, "port": true, "username": true, "password": true, "file": true,
	"authenticationDatabase": true, "authenticationMechanism": true, "json": true, "norc": false, "nodb": false,
	"tls": false, "tlsCAFile": true, "tlsAllowInvalidCertificates": false, "retryWrites": false, "shell": false,
	"tlsAllowInvalidHostnames": false, "verbose": false,
}

var dumpOptions = map[string]bool{
	"config": true, "uri": true, "host": true, "port": true, "username": true, "password": true, "db": true,
	"collection": true, "authenticationDatabase": true, "archive": true, "gzip": false, "out": true, "drop": false,
	"dir": true, "oplog": false, "quiet": false, "verbose": false, "readPreference": true, "nsInclude": true,
	"nsExclude": true, "nsFrom": true, "nsTo": true, "dryRun": false, "stopOnError": false, "preserveUUID": false,
	"numParallelCollections": true, "dumpDbUsersAndRoles": false, "excludeCollection": true, "objcheck": false,
	"numInsertionWorkersPerCollection": true, "oplogReplay": false, "noIndexRestore": false, "ssl": false,
	"sslCAFile": true,
}

var short = map[string]string{
	"f": "config", "u": "username", "p": "password", "h": "host", "d": "db", "c": "collection", "o": "out", "v": "verbose",
}

// Options as given, the last value of each; several for those that may be repeated.
type options map[string][]string

func (given options) get(name, otherwise string) string {
	if values := given[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return otherwise
}

func (given options) has(name string) bool { return len(given[name]) > 0 }

func (given options) integer(name string, otherwise int) (int, error) {
	value, err := strconv.Atoi(given.get(name, strconv.Itoa(otherwise)))
	if err != nil {
		return 0, fmt.Errorf("--%s wants a number, not %q", name, given.get(name, ""))
	}
	return value, nil
}

// Reads arguments: options, and what is none. `optional` names those whose value may be left out.
func parse(arguments []string, known map[string]bool, optional ...string) (options, []string, error) {
	given, rest := options{}, []string{}
	for i := 0; i < len(arguments); i++ {
		word := arguments[i]
		if !strings.HasPrefix(word, "-") || word == "-" {
			rest = append(rest, word)
			continue
		}
		name, value, inline := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if long, ok := short[name]; ok && !strings.HasPrefix(word, "--") {
			name = long
		}
		takes, ok := known[name]
		if !ok {
			return nil, nil, fmt.Errorf("Error parsing command line: unrecognised option '%s'", word)
		}
		if takes && !inline && !contains(optional, name) {
			if i++; i == len(arguments) {
				return nil, nil, fmt.Errorf("Error parsing command line: the required argument for option '--%s' is missing", name)
			}
			value = arguments[i]
		}
		given[name] = append(given[name], value)
	}
	return given, rest, nil
}

func contains(list []string, word string) bool {
	for _, each := range list {
		if each == word {
			return true
		}
	}
	return false
}

// What a mongod.conf says in other words than the command line.
var inConfig = map[string]string{
	"net.port": "port", "net.bindIp": "bind_ip", "net.bindIpAll": "bind_ip_all", "security.keyFile": "keyFile",
	"security.authorization": "auth", "replication.replSetName": "replSet", "storage.dbPath": "dbpath",
}

// Adds what the file says to what the command line does not.
func (given options) readConfig(names map[string]string) error {
	if !given.has("config") {
		return nil
	}
	text, err := os.ReadFile(given.get("config", ""))
	if err != nil {
		return fmt.Errorf("Error opening config file: %w", err)
	}
	tree := map[string]any{}
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("Error parsing config file: not YAML") // its text may hold a password
	}
	for path, value := range flattened(tree, "") {
		name, known := names[path]
		if !known || given.has(name) || value == "disabled" || value == "false" {
			continue
		}
		given[name] = []string{value}
	}
	return nil
}

func flattened(tree map[string]any, prefix string) map[string]string {
	found := map[string]string{}
	for key, value := range tree {
		if branch, ok := value.(map[string]any); ok {
			for path, leaf := range flattened(branch, prefix+key+".") {
				found[path] = leaf
			}
		} else {
			found[prefix+key] = fmt.Sprint(value)
		}
	}
	return found
}
