package main

import (
	"time"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// The commands that are answered here; all others go to FerretDB.
var answers map[string]func(*session, bson.Raw) (bson.D, error)

func init() { // the functions refer to each other
	answers = map[string]func(*session, bson.Raw) (bson.D, error){
		"hello": hello, "isMaster": hello, "ismaster": hello, "endSessions": nothingToDo, "logout": logout,
		"saslStart": saslStart, "saslContinue": saslContinue, "connectionStatus": connectionStatus,
		"createUser": createUser, "updateUser": updateUser, "dropUser": dropUser, "usersInfo": usersInfo,
		"grantRolesToUser": grantRoles,
		"_isSelf":          isSelf, "_standInState": takeState, "replSetInitiate": initiate, "replSetReconfig": initiate,
		"replSetGetStatus": setStatus, "replSetGetConfig": setConfig, "replSetStepDown": stepDown,
	}
}

func nothingToDo(*session, bson.Raw) (bson.D, error) { return nil, nil }

func hello(s *session, command bson.Raw) (bson.D, error) {
	kept := s.store.read()
	alone := s.replSet == ""
	said := bson.D{{"helloOk", true}, {"isWritablePrimary", alone || kept.primary()}, {"ismaster", alone || kept.primary()}}
	if !alone {
		said = append(said, s.asMember(kept)...)
	}
	if mechanisms := text(command, "saslSupportedMechs"); mechanisms != "" {
		if _, known := kept.Users[mechanisms]; known {
			said = append(said, bson.E{"saslSupportedMechs", bson.A{"SCRAM-SHA-256"}})
		}
	}
	return append(said, bson.D{
		{"maxBsonObjectSize", int32(16777216)}, {"maxMessageSizeBytes", int32(longest)},
		{"maxWriteBatchSize", int32(100000)}, {"localTime", primitive.NewDateTimeFromTime(time.Now())},
		{"logicalSessionTimeoutMinutes", int32(30)}, {"connectionId", int32(1)}, {"minWireVersion", int32(0)},
		{"maxWireVersion", int32(21)}, {"readOnly", false},
	}...), nil
}

func saslStart(s *session, command bson.Raw) (bson.D, error) {
	if mechanism := text(command, "mechanism"); mechanism != "SCRAM-SHA-256" {
		return nil, refused(334, "MechanismUnavailable", "Received authentication for mechanism %s which is not enabled", mechanism)
	}
	database, kept := text(command, "$db"), s.store.read()
	server, err := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		found, known := kept.Users[database+"."+name]
		if !known {
			return scram.StoredCredentials{}, refused(18, "AuthenticationFailed", "Authentication failed.")
		}
		s.candidate = found
		return found.credentials(), nil
	})
	if err != nil {
		return nil, err
	}
	s.login = server.NewConversation()
	return saslContinue(s, command)
}

func saslContinue(s *session, command bson.Raw) (bson.D, error) {
	if s.login == nil {
		return nil, refused(17, "ProtocolError", "No SASL session state found")
	}
	_, payload, _ := command.Lookup("payload").BinaryOK()
	said := ""
	if !s.login.Done() { // else it is the empty message with which some clients end
		var err error
		if said, err = s.login.Step(string(payload)); err != nil {
			s.login = nil
			return nil, refused(18, "AuthenticationFailed", "Authentication failed.")
		}
	}
	done := s.login.Done() && (said == "" || skipsEmpty(s, command))
	if s.login.Valid() {
		who := s.candidate
		s.who = &who
	}
	if done {
		s.login = nil
	}
	return bson.D{{"conversationId", int32(1)}, {"done", done}, {"payload", []byte(said)}}, nil
}

// Whether the client wants no empty message at the end; it says so at the beginning.
func skipsEmpty(s *session, command bson.Raw) bool {
	if found, ok := command.Lookup("options", "skipEmptyExchange").BooleanOK(); ok {
		s.skipEmpty = found
	}
	return s.skipEmpty
}

func logout(s *session, _ bson.Raw) (bson.D, error) {
	s.who = nil
	return nil, nil
}

func connectionStatus(s *session, _ bson.Raw) (bson.D, error) {
	users, roles := bson.A{}, bson.A{}
	if s.who != nil {
		users = append(users, bson.D{{"user", s.who.Name}, {"db", s.who.Database}})
		for _, each := range s.who.Roles {
			roles = append(roles, each)
		}
	}
	return bson.D{{"authInfo", bson.D{{"authenticatedUsers", users}, {"authenticatedUserRoles", roles}}}}, nil
}

func createUser(s *session, command bson.Raw) (bson.D, error) {
	name, database := text(command, "createUser"), text(command, "$db")
	roles, err := rolesIn(command)
	if err != nil {
		return nil, err
	}
	return s.changeUsers(func(kept *state) error {
		if _, known := kept.Users[database+"."+name]; known {
			return refused(51003, "Location51003", `User "%s@%s" already exists`, name, database)
		}
		return kept.addUser(name, database, text(command, "pwd"), roles)
	})
}

func updateUser(s *session, command bson.Raw) (bson.D, error) {
	return s.changeUser(command, "updateUser", func(found *user) error {
		if _, err := command.LookupErr("roles"); err == nil {
			roles, err := rolesIn(command)
			if err != nil {
				return err
			}
			found.Roles = roles
		}
		if password := text(command, "pwd"); password != "" {
			return found.setPassword(password)
		}
		return nil
	})
}

func grantRoles(s *session, command bson.Raw) (bson.D, error) {
	return s.changeUser(command, "grantRolesToUser", func(found *user) error {
		roles, err := rolesIn(command)
		found.Roles = append(append([]role{}, found.Roles...), roles...)
		return err
	})
}

func dropUser(s *session, command bson.Raw) (bson.D, error) {
	key := text(command, "$db") + "." + text(command, "dropUser")
	return s.changeUsers(func(kept *state) error {
		if _, known := kept.Users[key]; !known {
			return refused(11, "UserNotFound", "User not found")
		}
		delete(kept.Users, key)
		return nil
	})
}

func (s *session) changeUser(command bson.Raw, verb string, act func(*user) error) (bson.D, error) {
	name, database := text(command, verb), text(command, "$db")
	return s.changeUsers(func(kept *state) error {
		found, known := kept.Users[database+"."+name]
		if !known {
			return refused(11, "UserNotFound", "User %s@%s not found", name, database)
		}
		if err := act(&found); err != nil {
			return err
		}
		kept.Users[database+"."+name] = found
		return nil
	})
}

func (s *session) changeUsers(act func(*state) error) (bson.D, error) {
	if err := s.store.change(act); err != nil {
		return nil, err
	}
	return nil, s.tellOthers()
}

func usersInfo(s *session, command bson.Raw) (bson.D, error) {
	database, name := text(command, "$db"), text(command, "usersInfo")
	if asked, ok := command.Lookup("usersInfo").DocumentOK(); ok {
		database, name = text(asked, "db"), text(asked, "user")
	}
	users := bson.A{}
	for _, each := range s.store.read().Users {
		if each.Database == database && (name == "" || each.Name == name) {
			found := bson.D{{"_id", database + "." + each.Name}, {"user", each.Name}, {"db", database}, {"roles", each.Roles}}
			users = append(users, append(found, bson.E{"mechanisms", bson.A{"SCRAM-SHA-256"}}))
		}
	}
	return bson.D{{"users", users}}, nil
}

// A role is a name, or a name with its database.
func rolesIn(command bson.Raw) ([]role, error) {
	roles := []role{}
	list, ok := command.Lookup("roles").ArrayOK()
	if !ok {
		return nil, refused(9, "FailedToParse", `"roles" must be an array`)
	}
	values, err := list.Values()
	for _, each := range values {
		if name, ok := each.StringValueOK(); ok {
			roles = append(roles, role{name, text(command, "$db")})
		} else if document, ok := each.DocumentOK(); ok {
			roles = append(roles, role{text(document, "role"), text(document, "db")})
		}
	}
	return roles, err
}
