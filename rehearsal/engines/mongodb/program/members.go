package main

import (
	"fmt"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

const patience = 5 * time.Second

// The addresses of a set's members; the first is the primary for good, since nothing is replicated.
func (kept state) hosts() []string {
	found := []string{}
	members, _ := kept.Config["members"].(bson.A)
	for _, each := range members {
		member, _ := each.(bson.M)
		host, _ := member["host"].(string)
		found = append(found, host)
	}
	return found
}

func (kept state) first() string {
	if hosts := kept.hosts(); len(hosts) > 0 {
		return hosts[0]
	}
	return ""
}

func (kept state) primary() bool { return kept.Config != nil && kept.Me == kept.first() }

func (s *session) asMember(kept state) bson.D {
	if kept.Config == nil {
		info := "Does not have a valid replica set config"
		return bson.D{{"secondary", false}, {"isreplicaset", true}, {"info", info}}
	}
	version, _ := kept.Config["version"].(int32)
	said := bson.D{
		{"setName", s.replSet}, {"setVersion", version}, {"secondary", !kept.primary()}, {"hosts", kept.hosts()},
		{"primary", kept.first()}, {"me", kept.Me},
	}
	if kept.primary() {
		said = append(said, bson.E{"electionId", primitive.ObjectID{11: 1}})
	}
	return said
}

// replSetInitiate and replSetReconfig: every member must answer, know the key, and belong to no other set.
func initiate(s *session, command bson.Raw) (bson.D, error) {
	if s.replSet == "" {
		return nil, refused(76, "NoReplicationEnabled", "This node was not started with replication enabled.")
	}
	elements, _ := command.Elements()
	config := bson.M{}
	if document, ok := elements[0].Value().DocumentOK(); ok {
		if err := bson.Unmarshal(document, &config); err != nil {
			return nil, err
		}
	}
	begun := s.store.read().Config != nil
	if again := elements[0].Key() == "replSetReconfig"; begun != again {
		if begun {
			return nil, refused(23, "AlreadyInitialized", "already initialized")
		}
		return nil, refused(94, "NotYetInitialized", "Node not yet initialized; use the replSetInitiate command")
	}
	if err := s.complete(config); err != nil {
		return nil, err
	}
	me, err := s.findMe(state{Config: config}.hosts())
	if err != nil {
		return nil, err
	}
	if err := s.store.change(func(kept *state) error { kept.Config, kept.Me = config, me; return nil }); err != nil {
		return nil, err
	}
	return nil, s.tellOthers()
}

// What MongoDB fills in, and what it refuses.
func (s *session) complete(config bson.M) error {
	if name, given := config["_id"]; given && name != s.replSet {
		return refused(103, "NewReplicaSetConfigurationIncompatible",
			"Rejecting initiate with a set name that differs from command line set name, initiate set name: %v, command line set name: %s", name, s.replSet)
	}
	config["_id"] = s.replSet
	if _, given := config["version"]; !given {
		config["version"] = int32(1)
	}
	if number, ok := config["version"].(float64); ok {
		config["version"] = int32(number)
	}
	if members, ok := config["members"].(bson.A); !ok || len(members) == 0 {
		host, _, _ := net.SplitHostPort(s.client.LocalAddr().String())
		config["members"] = bson.A{bson.M{"_id": int32(0), "host": fmt.Sprintf("%s:%d", host, s.port)}}
	}
	return nil
}

func (s *session) findMe(hosts []string) (string, error) {
	for _, host := range hosts {
		answer, err := ask(host, bson.D{{"_isSelf", 1}, {"$db", "admin"}})
		if err != nil {
			return "", refused(74, "NodeNotFound", "replSetInitiate quorum check failed because not all proposed set members responded affirmatively: %s failed with %v", host, err)
		}
		if id, _ := answer.Lookup("id").ObjectIDOK(); id == s.store.id {
			return host, nil
		}
	}
	return "", refused(93, "InvalidReplicaSetConfig", "No host described in new configuration with version 1 for replica set %s maps to this node", s.replSet)
}

func isSelf(s *session, _ bson.Raw) (bson.D, error) { return bson.D{{"id", s.store.id}}, nil }

// Has the other members know what this one knows: in a real set they would read it in the oplog.
func (s *session) tellOthers() error {
	kept := s.store.read()
	for _, host := range kept.hosts() {
		if host == kept.Me {
			continue
		}
		told := kept
		told.Me = host
		answer, err := ask(host, bson.D{{"_standInState", told}, {"key", s.key}, {"$db", "admin"}})
		if err != nil {
			return refused(74, "NodeNotFound", "%s failed with %v", host, err)
		}
		if errmsg := text(answer, "errmsg"); errmsg != "" {
			return refused(93, "InvalidReplicaSetConfig", "%s: %s", host, errmsg)
		}
	}
	return nil
}

func takeState(s *session, command bson.Raw) (bson.D, error) {
	if s.replSet == "" || text(command, "key") != s.key {
		return nil, refused(18, "AuthenticationFailed", "Authentication failed.")
	}
	told := state{}
	if err := bson.Unmarshal(command.Lookup("_standInState").Value, &told); err != nil {
		return nil, err
	}
	if told.Config["_id"] != s.replSet {
		return nil, refused(109, "InconsistentReplicaSetNames", "this member belongs to the set %s", s.replSet)
	}
	return nil, s.store.change(func(kept *state) error { *kept = told; return nil })
}

// One command to another member, without a driver.
func ask(host string, command bson.D) (bson.Raw, error) {
	connection, err := net.DialTimeout("tcp", host, patience)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	asked, err := (&message{opcode: opMsg}).answer(command)
	if err != nil {
		return nil, err
	}
	answer, err := exchange(connection, asked)
	if err != nil {
		return nil, err
	}
	err = answer.parse()
	return answer.command, err
}

func setStatus(s *session, _ bson.Raw) (bson.D, error) {
	kept := s.store.read()
	if s.replSet == "" {
		return nil, refused(76, "NoReplicationEnabled", "not running with --replSet")
	}
	if kept.Config == nil {
		return nil, refused(94, "NotYetInitialized", "no replset config has been received")
	}
	members, mine := bson.A{}, int32(2)
	for number, host := range kept.hosts() {
		state, word := int32(2), "SECONDARY"
		if number == 0 {
			state, word = 1, "PRIMARY"
		}
		health := 1.0
		if host == kept.Me {
			mine = state
		} else if _, err := ask(host, bson.D{{"ping", 1}, {"$db", "admin"}}); err != nil {
			health, state, word = 0, 8, "(not reachable/healthy)"
		}
		members = append(members, bson.D{
			{"_id", int32(number)}, {"name", host}, {"health", health}, {"state", state}, {"stateStr", word}, {"self", host == kept.Me},
		})
	}
	return bson.D{{"set", s.replSet}, {"date", primitive.NewDateTimeFromTime(time.Now())}, {"myState", mine}, {"members", members}}, nil
}

func setConfig(s *session, _ bson.Raw) (bson.D, error) {
	kept := s.store.read()
	if kept.Config == nil {
		return nil, refused(94, "NotYetInitialized", "no replset config has been received")
	}
	return bson.D{{"config", kept.Config}}, nil
}

func stepDown(*session, bson.Raw) (bson.D, error) {
	return nil, refused(50, "ExceededTimeLimit", "No electable secondaries caught up: a stand-in for MongoDB replicates nothing")
}
