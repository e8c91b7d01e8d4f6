package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	mongooptions "go.mongodb.org/mongo-driver/mongo/options"
)

// The connection that options of a client program describe, and the database that they name.
func connect(given options, address string) (*mongo.Client, string, error) {
	target, err := addressOf(given, address)
	if err != nil {
		return nil, "", err
	}
	settings := mongooptions.Client().ApplyURI(target.String()).SetServerSelectionTimeout(5 * time.Second)
	if target.Scheme == "mongodb" && !strings.Contains(target.RawQuery, "replicaSet") && !strings.Contains(target.Host, ",") {
		settings.SetDirect(true)
	}
	if name := given.get("username", ""); name != "" {
		source := given.get("authenticationDatabase", "admin")
		settings.SetAuth(mongooptions.Credential{
			Username: name, Password: given.get("password", ""), PasswordSet: true, AuthSource: source,
		})
	}
	err, unknown := settings.Validate(), (*net.DNSError)(nil)
	if errors.As(err, &unknown) {
		return nil, "", fmt.Errorf("MongoNetworkError: %s: %s", unknown.Name, unknown.Err)
	}
	if err != nil {
		return nil, "", errors.New("the connection string is not one that MongoDB reads") // it may hold a password
	}
	client, err := mongo.Connect(context.Background(), settings)
	if err != nil {
		return nil, "", worded(err)
	}
	name := strings.Trim(target.Path, "/")
	return client, given.get("db", name), nil
}

// A mongodb+srv:// is looked up by the driver, with the resolver that everything on the host has.
func addressOf(given options, address string) (*url.URL, error) {
	address = given.get("uri", address)
	if !strings.HasPrefix(address, "mongodb://") && !strings.HasPrefix(address, "mongodb+srv://") {
		host, database := address, ""
		if before, after, found := strings.Cut(address, "/"); found {
			host, database = before, after
		} else if !strings.Contains(address, ":") {
			host, database = "", address
		}
		if host == "" {
			host = given.get("host", "127.0.0.1")
		}
		if set, hosts, found := strings.Cut(host, "/"); found {
			return &url.URL{Scheme: "mongodb", Host: hosts, Path: "/" + database, RawQuery: "replicaSet=" + set}, nil
		}
		if !strings.Contains(host, ":") {
			host = fmt.Sprintf("%s:%s", host, given.get("port", "27017"))
		}
		return &url.URL{Scheme: "mongodb", Host: host, Path: "/" + database}, nil
	}
	target, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the connection string is not one that MongoDB reads")
	}
	if target.Path == "" {
		target.Path = "/"
	}
	return target, nil
}

// An error in the words in which MongoDB's own programs say it.
func worded(err error) error {
	var failed mongo.CommandError
	switch {
	case strings.Contains(err.Error(), "(AuthenticationFailed)") || strings.Contains(err.Error(), "auth error"):
		return errors.New("MongoServerError: Authentication failed.")
	case errors.As(err, &failed):
		return fmt.Errorf("MongoServerError: %s", failed.Message)
	case strings.Contains(err.Error(), "server selection"):
		return errors.New("MongoNetworkError: no server answers: connect ECONNREFUSED or timed out")
	}
	return fmt.Errorf("MongoError: %w", err)
}
