package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/bson"
)

// What a command wants to do, as far as it decides who may give it.
type need int

const (
	nothing need = iota // anybody may, logged in or not
	reading
	writing
	managingUsers
	lookingAtSet
	managingSet
)

// Everything that is not here reads.
var needs = map[string]need{
	"hello": nothing, "isMaster": nothing, "ismaster": nothing, "ping": nothing, "buildInfo": nothing, "buildinfo": nothing,
	"saslStart": nothing, "saslContinue": nothing, "logout": nothing, "whatsmyuri": nothing, "connectionStatus": nothing,
	"endSessions": nothing, "_isSelf": nothing, "_standInState": nothing,
	"insert": writing, "update": writing, "delete": writing, "findAndModify": writing, "create": writing, "drop": writing,
	"createIndexes": writing, "dropIndexes": writing, "dropDatabase": writing, "renameCollection": writing,
	"collMod": writing, "compact": writing,
	"createUser": managingUsers, "updateUser": managingUsers, "dropUser": managingUsers, "usersInfo": managingUsers,
	"grantRolesToUser": managingUsers,
	"replSetGetStatus": lookingAtSet, "replSetGetConfig": lookingAtSet,
	"replSetInitiate": managingSet, "replSetReconfig": managingSet, "replSetStepDown": managingSet,
}

// A command's failure, as MongoDB words it.
type failure struct {
	code     int32
	name     string
	sentence string
}

func (f failure) Error() string { return f.sentence }

func refused(code int32, name, form string, words ...any) failure {
	return failure{code, name, fmt.Sprintf(form, words...)}
}

// One client's connection, and the one to FerretDB behind it.
type session struct {
	*server
	client, documents net.Conn
	who               *user
	login             *scram.ServerConversation
	candidate         user // who is logging in
	skipEmpty         bool
}

func (s *server) serve(client net.Conn) {
	defer client.Close()
	documents, err := net.Dial("unix", s.backend)
	if err != nil {
		s.logger.Error("no documents", "error", err)
		return
	}
	defer documents.Close()
	one := &session{server: s, client: client, documents: documents}
	for one.next() == nil {
	}
}

// Reads a command and answers it. An error ends the connection.
func (s *session) next() error {
	asked, err := readMessage(s.client)
	if err != nil {
		return err
	}
	if err := asked.parse(); err != nil {
		return err
	}
	elements, err := asked.command.Elements()
	if err != nil || len(elements) == 0 {
		return fmt.Errorf("a message without a command")
	}
	name := elements[0].Key()
	if err := s.check(name, asked.command); err != nil {
		return s.say(asked, nil, err)
	}
	if answering, ours := answers[name]; ours {
		document, err := answering(s, asked.command)
		return s.say(asked, document, err)
	}
	if needs[name] == writing {
		s.writes.Lock()
		defer s.writes.Unlock()
	}
	if updates := updatesIn(asked); name == "update" && len(updates) > fewest {
		document, err := s.inPieces(asked.command, updates)
		return s.say(asked, document, err)
	}
	answer, err := exchange(s.documents, asked.bytes)
	if err != nil || asked.flags&moreToCome != 0 {
		return err
	}
	_, err = s.client.Write(answer.bytes)
	return err
}

func (s *session) say(asked *message, document bson.D, failed error) error {
	if failed != nil {
		found, known := failed.(failure)
		if !known {
			found = failure{8, "UnknownError", failed.Error()}
		}
		document = bson.D{{"ok", 0.0}, {"errmsg", found.sentence}, {"code", found.code}, {"codeName", found.name}}
	} else {
		document = append(document, bson.E{"ok", 1.0})
	}
	if asked.flags&moreToCome != 0 {
		return nil
	}
	answer, err := asked.answer(document)
	if err != nil {
		return err
	}
	_, err = s.client.Write(answer)
	return err
}

// Whether this client may, and whether this member can.
func (s *session) check(name string, command bson.Raw) error {
	need, known := needs[name]
	if !known {
		need = reading
	}
	if need == nothing {
		return nil
	}
	kept := s.store.read()
	if s.auth && !s.setsUp(kept, name) {
		if s.who == nil {
			return refused(13, "Unauthorized", "Command %s requires authentication", name)
		}
		database := text(command, "$db")
		if (need == lookingAtSet || need == managingSet) && database != "admin" {
			return refused(13, "Unauthorized", "%s may only be run against the admin database.", name)
		}
		if !s.who.may(database, need) {
			return refused(13, "Unauthorized", "not authorized on %s to execute command %s", database, name)
		}
	}
	if _, err := command.LookupErr("startTransaction"); err == nil {
		return refused(20, "IllegalOperation", "a stand-in for MongoDB has no transactions")
	}
	return s.ready(kept, need)
}

// MongoDB's exception for this machine: as long as there is no user, the first may be made and the set begun.
func (s *session) setsUp(kept state, name string) bool {
	host, _, _ := net.SplitHostPort(s.client.RemoteAddr().String())
	first := name == "createUser" || name == "replSetInitiate" || name == "replSetGetStatus"
	return first && len(kept.Users) == 0 && strings.HasPrefix(host, "127.")
}

// A set that has not begun, and a member that is not the first, take no documents.
func (s *session) ready(kept state, need need) error {
	switch {
	case s.replSet == "" || need == lookingAtSet || need == managingSet:
		return nil
	case kept.Config == nil && need == reading:
		return refused(13435, "NotPrimaryNoSecondaryOk", "not primary and secondaryOk=false")
	case kept.Config == nil || (need != reading && !kept.primary()):
		return refused(10107, "NotWritablePrimary", "not primary")
	case !kept.primary():
		return refused(13436, "NotPrimaryOrSecondary", "this member of the stand-in has no documents: ask %s", kept.first())
	}
	return nil
}

func text(command bson.Raw, key string) string {
	found, _ := command.Lookup(key).StringValueOK()
	return found
}
