package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// The server: FerretDB behind a socket that nobody else finds, and what stands before it.
type server struct {
	store   *store
	backend string // FerretDB's socket
	replSet string // the name of the set that it was started for; empty: it stands alone
	auth    bool
	key     string // of the key file that all members have
	port    int
	logger  *slog.Logger
	writes  sync.Mutex // FerretDB takes a second connection to SQLite to write with: many at once would wait for each other
}

// What the real one says when it finds that it can't start.
func mongod(arguments []string) error {
	given, rest, err := parse(arguments, mongodOptions)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("Error parsing command line: too many positional options have been specified on the command line")
	}
	if err := given.readConfig(inConfig); err != nil {
		return err
	}
	port, err := given.integer("port", 27017)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelInfo}))
	made := &server{replSet: given.get("replSet", ""), port: port, logger: logger}
	made.auth = given.has("auth") || given.has("keyFile")
	if made.replSet != "" && given.has("auth") && !given.has("keyFile") {
		return errors.New("BadValue: security.keyFile is required when authorization is enabled with replica sets")
	}
	if made.key, err = readKey(given.get("keyFile", "")); err != nil {
		return err
	}
	directory := given.get("dbpath", "/data/db")
	if made.store, err = openStore(filepath.Join(directory, "stand-in.bson")); err != nil {
		return err
	}
	if err := made.firstUser(); err != nil {
		return err
	}
	return made.run(directory, addresses(given, port))
}

func addresses(given options, port int) []string {
	places := strings.Split(given.get("bind_ip", "localhost"), ",")
	if given.has("bind_ip_all") {
		places = []string{"0.0.0.0"}
	}
	found := []string{}
	for _, place := range places {
		if place == "*" || place == "::,0.0.0.0" {
			place = "0.0.0.0"
		}
		found = append(found, net.JoinHostPort(strings.TrimSpace(place), fmt.Sprint(port)))
	}
	return found
}

func readKey(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	about, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("error opening file: %s: bad file", path)
	}
	if about.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("permissions on %s are too open", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("error opening file: %s: bad file", path)
	}
	if length := len(strings.TrimSpace(string(text))); length < 6 || length > 1024 {
		return "", fmt.Errorf("security key in %s has length %d, must be between 6 and 1024 chars", path, length)
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(string(text))))
	return hex.EncodeToString(sum[:]), nil
}

// The official image's entrypoint makes this user in an empty data directory.
func (s *server) firstUser() error {
	name, password := os.Getenv("MONGO_INITDB_ROOT_USERNAME"), os.Getenv("MONGO_INITDB_ROOT_PASSWORD")
	if (name == "") != (password == "") {
		return errors.New("error: both MONGO_INITDB_ROOT_USERNAME and MONGO_INITDB_ROOT_PASSWORD must be specified for a user to be created")
	}
	return s.store.change(func(kept *state) error {
		if name == "" || kept.Initialised {
			return nil
		}
		kept.Initialised = true
		return kept.addUser(name, "admin", password, []role{{"root", "admin"}})
	})
}

func (s *server) run(directory string, places []string) error {
	private, err := os.MkdirTemp("", "mongod-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(private)
	s.backend = filepath.Join(private, "documents.sock")
	documents, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: s.backend},
		Handler:   "sqlite",
		SQLiteURL: "file:" + directory + "/",
		Logger:    slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	for _, place := range places {
		listener, err := net.Listen("tcp", place)
		if err != nil {
			return fmt.Errorf("Failed to set up listener: SocketException: %w", err)
		}
		defer listener.Close()
		go s.accept(listener)
		s.logger.Info("Waiting for connections", "address", place)
	}
	go func() { // it waits for a command that does not end
		<-ctx.Done()
		time.Sleep(patience)
		os.Exit(0)
	}()
	return documents.Run(ctx)
}

func (s *server) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go s.serve(client)
	}
}
