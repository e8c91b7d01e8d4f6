// A stand-in for MongoDB, which no package repository may carry: mongod, mongosh, mongodump and mongorestore in one
// program, by the name it is called by.
//
// Documents are kept by FerretDB over SQLite, so a driver reads and writes as it does with MongoDB. What stands before it
// is ours: users who must log in (SCRAM-SHA-256, roles by database), the shape of a replica set as drivers see it, key
// files, the conditions under which the real mongod refuses to start.
//
// What it can't show: replication (only the first member of a set keeps data, the others know where it is), elections,
// transactions, change streams, an oplog, how fast MongoDB is, what its own files look like.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	programs := map[string]func([]string) error{
		"mongod": mongod, "mongosh": mongosh, "mongodump": mongodump, "mongorestore": mongorestore,
	}
	name := filepath.Base(os.Args[0])
	program, known := programs[name]
	if !known {
		fmt.Fprintf(os.Stderr, "%s: call it mongod, mongosh, mongodump or mongorestore\n", name)
		os.Exit(2)
	}
	if err := program(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
