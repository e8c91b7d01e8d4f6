package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dop251/goja"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
)

//go:embed shell.js
var prelude string

// mongosh: the scripts of --eval, of files, or standard input, with what of the shell's objects shell.js has.
func mongosh(arguments []string) error {
	given, rest, err := parse(arguments, shellOptions)
	if err != nil {
		return err
	}
	address, files := "", []string{}
	for number, word := range rest {
		if number == 0 && !strings.HasSuffix(word, ".js") && !strings.HasPrefix(word, "/") {
			address = word
		} else {
			files = append(files, word)
		}
	}
	scripts, err := scriptsIn(given, append(files, given["file"]...))
	if err != nil {
		return err
	}
	one := &shell{given: given, address: address}
	if err := one.connect(); err != nil && !given.has("nodb") {
		return err
	}
	return one.evaluate(scripts)
}

// A connection that a script may log in on.
type shell struct {
	given    options
	address  string
	client   *mongo.Client
	database string
}

func (s *shell) connect() error {
	client, database, err := connect(s.given, s.address)
	if err != nil {
		return err
	}
	if err := client.Ping(context.Background(), nil); err != nil {
		return worded(err)
	}
	if s.client, s.database = client, database; database == "" {
		s.database = "test"
	}
	return nil
}

// db.auth: a driver logs in as it connects.
func (s *shell) auth(database, name, password string) error {
	s.given["username"], s.given["password"] = []string{name}, []string{password}
	s.given["authenticationDatabase"] = []string{database}
	return s.connect()
}

func scriptsIn(given options, files []string) ([]string, error) {
	scripts := append([]string{}, given["eval"]...)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("Error: ENOENT: no such file or directory, open '%s'", file)
		}
		scripts = append(scripts, string(text))
	}
	if len(scripts) == 0 {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, string(text))
	}
	return scripts, nil
}

func (s *shell) evaluate(scripts []string) error {
	engine := goja.New()
	environment := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = value
	}
	exit := errors.New("exit")
	code := 0
	native := map[string]any{
		"environment": environment,
		"database":    s.database,
		"form":        s.given.get("json", ""),
		"write":       func(line string) { fmt.Println(line) },
		"sleep":       func(milliseconds int) { time.Sleep(time.Duration(milliseconds) * time.Millisecond) },
		"read":        func(path string) (string, error) { text, err := os.ReadFile(path); return string(text), err },
		"exit":        func(number int) { code = number; engine.Interrupt(exit) },
		"auth":        s.auth,
		"command":     func(database, command string) (string, error) { return runJSON(s.client, database, command) },
	}
	if err := engine.Set("native", native); err != nil {
		return err
	}
	if _, err := engine.RunScript("shell.js", prelude); err != nil {
		return err
	}
	show, _ := goja.AssertFunction(engine.Get("show"))
	for _, script := range scripts {
		value, err := engine.RunScript("script", script)
		if interrupted := (*goja.InterruptedError)(nil); errors.As(err, &interrupted) {
			os.Exit(code)
		}
		if err == nil {
			_, err = show(goja.Undefined(), value)
		}
		if err != nil {
			return said(err)
		}
	}
	return nil
}

// What a script threw, without the place in it: an argument may be a secret.
func said(err error) error {
	thrown := (*goja.Exception)(nil)
	if !errors.As(err, &thrown) {
		return err
	}
	return errors.New(strings.TrimPrefix(thrown.Value().String(), "GoError: "))
}

// Runs a command that is JSON, as MongoDB extends it; the answer in the same form.
func runJSON(client *mongo.Client, database, command string) (string, error) {
	asked := bson.D{}
	if err := bson.UnmarshalExtJSON([]byte(command), false, &asked); err != nil {
		return "", err
	}
	answer, err := client.Database(database).RunCommand(context.Background(), asked).Raw()
	failed := mongo.CommandError{}
	if err != nil && !errors.As(err, &failed) {
		return "", worded(err)
	}
	if err != nil { // the shell throws it with its code
		answer, err = bson.Marshal(bson.D{{"ok", 0.0}, {"errmsg", failed.Message}, {"code", failed.Code}, {"codeName", failed.Name}})
		if err != nil {
			return "", err
		}
	}
	text, err := bson.MarshalExtJSON(answer, false, false)
	return string(text), err
}
