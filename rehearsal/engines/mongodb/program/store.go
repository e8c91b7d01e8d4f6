package main

import (
	"crypto/rand"
	"errors"
	"maps"
	"os"
	"strings"
	"sync"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

const iterations = 15000 // as MongoDB's own

type role struct {
	Role string `bson:"role"`
	DB   string `bson:"db"`
}

type user struct {
	Name       string `bson:"user"`
	Database   string `bson:"db"`
	Roles      []role `bson:"roles"`
	Salt       []byte `bson:"salt"`
	StoredKey  []byte `bson:"storedKey"`
	ServerKey  []byte `bson:"serverKey"`
	Iterations int    `bson:"iterations"`
}

// Who may log in, and the set's configuration: what the members of a set tell each other.
type state struct {
	Initialised bool            `bson:"initialised"`
	Users       map[string]user `bson:"users"` // by database.name
	Config      bson.M          `bson:"config,omitempty"`
	Me          string          `bson:"me"` // which member this is, by its address
}

// The state in a file, changed as a whole.
type store struct {
	path  string
	mutex sync.Mutex
	now   state
	id    primitive.ObjectID // of this process: how a member knows itself among addresses
}

func openStore(path string) (*store, error) {
	opened := &store{path: path, now: state{Users: map[string]user{}}, id: primitive.NewObjectID()}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return opened, opened.write(opened.now)
	}
	if err != nil {
		return nil, err
	}
	return opened, bson.Unmarshal(content, &opened.now)
}

func (s *store) read() state {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.now
}

func (s *store) change(act func(*state) error) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	next := s.now
	next.Users = maps.Clone(s.now.Users)
	if err := act(&next); err != nil {
		return err
	}
	if err := s.write(next); err != nil {
		return err
	}
	s.now = next
	return nil
}

func (s *store) write(next state) error {
	content, err := bson.Marshal(next)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}

func (kept *state) addUser(name, database, password string, roles []role) error {
	made := user{Name: name, Database: database, Roles: roles}
	if err := made.setPassword(password); err != nil {
		return err
	}
	kept.Users[database+"."+name] = made
	return nil
}

func (u *user) setPassword(password string) error {
	client, err := scram.SHA256.NewClient(u.Name, password, "")
	if err != nil {
		return errors.New("this password can't be used")
	}
	salt := make([]byte, 28)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	made := client.GetStoredCredentials(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	u.Salt, u.StoredKey, u.ServerKey, u.Iterations = salt, made.StoredKey, made.ServerKey, iterations
	return nil
}

func (u user) credentials() scram.StoredCredentials {
	factors := scram.KeyFactors{Salt: string(u.Salt), Iters: u.Iterations}
	return scram.StoredCredentials{KeyFactors: factors, StoredKey: u.StoredKey, ServerKey: u.ServerKey}
}

var everywhere = map[string]bool{
	"root": true, "__system": true, "readWriteAnyDatabase": true, "readAnyDatabase": true, "dbAdminAnyDatabase": true,
	"userAdminAnyDatabase": true, "backup": true, "restore": true,
}

// Whether one of the user's roles allows it in a database. Coarser than MongoDB, but what is nobody's business is not.
func (u user) may(database string, need need) bool {
	for _, each := range u.Roles {
		name := each.Role
		if each.DB != database && !(each.DB == "admin" && (everywhere[name] || strings.HasPrefix(name, "cluster"))) {
			continue
		}
		if name == "root" || name == "__system" || allowed(name, need) {
			return true
		}
	}
	return false
}

func allowed(name string, need need) bool {
	switch need {
	case reading:
		return !strings.HasPrefix(name, "userAdmin") && name != "clusterManager"
	case writing:
		return strings.HasPrefix(name, "readWrite") || strings.HasPrefix(name, "dbAdmin") || name == "dbOwner" || name == "restore"
	case managingUsers:
		return strings.HasPrefix(name, "userAdmin") || name == "dbOwner" || name == "restore"
	default:
		return name == "clusterAdmin" || name == "clusterManager" || (need == lookingAtSet && name == "clusterMonitor")
	}
}
