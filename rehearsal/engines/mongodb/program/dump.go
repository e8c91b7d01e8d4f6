package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
)

const batch = 500

var inDumpConfig = map[string]string{"uri": "uri", "password": "password"}

var background = context.Background()

// What both programs begin with.
func toolConnection(arguments []string) (options, *mongo.Client, string, []string, error) {
	given, rest, err := parse(arguments, dumpOptions, "archive")
	if err != nil {
		return nil, nil, "", nil, err
	}
	if err := given.readConfig(inDumpConfig); err != nil {
		return nil, nil, "", nil, err
	}
	client, database, err := connect(given, "")
	return given, client, database, rest, err
}

// mongodump, into an archive: --archive, or --archive=<file>.
func mongodump(arguments []string) error {
	given, client, database, rest, err := toolConnection(arguments)
	if err != nil {
		return fmt.Errorf("Failed: %w", err)
	}
	if !given.has("archive") || len(rest) > 0 {
		return errors.New("Failed: a stand-in for mongodump writes archives only: say --archive or --archive=<file>")
	}
	if given.has("oplog") {
		fmt.Fprintln(os.Stderr, "a stand-in for MongoDB has no oplog: dumped without")
	}
	var out io.WriteCloser = os.Stdout
	if path := given.get("archive", ""); path != "" {
		if out, err = os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("Failed: %w", err)
		}
	}
	namespaces, err := namespacesOf(client, database, given.get("collection", ""))
	if err != nil {
		return fmt.Errorf("Failed: %w", worded(err))
	}
	if !given.has("gzip") {
		return dumpAll(client, &archiveWriter{out: out}, namespaces)
	}
	packed := gzip.NewWriter(out)
	return errors.Join(dumpAll(client, &archiveWriter{out: packed}, namespaces), packed.Close())
}

func dumpAll(client *mongo.Client, writer *archiveWriter, namespaces []namespace) error {
	if err := writer.begin(namespaces); err != nil {
		return fmt.Errorf("Failed: %w", err)
	}
	for _, each := range namespaces {
		if err := dumpCollection(client, writer, each); err != nil {
			return fmt.Errorf("Failed: error dumping %s.%s: %w", each.Database, each.Collection, err)
		}
	}
	return nil
}

func namespacesOf(client *mongo.Client, database, collection string) ([]namespace, error) {
	databases := []string{database}
	if database == "" {
		var err error
		if databases, err = client.ListDatabaseNames(background, bson.D{}); err != nil {
			return nil, err
		}
	}
	found := []namespace{}
	for _, name := range databases {
		if name == "local" || name == "config" {
			continue
		}
		names, err := client.Database(name).ListCollectionNames(background, bson.D{})
		if err != nil {
			return nil, err
		}
		slices.Sort(names)
		for _, each := range names {
			if strings.HasPrefix(each, "system.") || (collection != "" && each != collection) {
				continue
			}
			metadata, err := metadataOf(client.Database(name).Collection(each))
			if err != nil {
				return nil, err
			}
			found = append(found, namespace{name, each, metadata, 0, "collection"})
		}
	}
	return found, nil
}

// A collection's indexes, as JSON.
func metadataOf(collection *mongo.Collection) (string, error) {
	cursor, err := collection.Indexes().List(background)
	if err != nil {
		return "", err
	}
	indexes := []bson.D{}
	if err := cursor.All(background, &indexes); err != nil {
		return "", err
	}
	text, err := bson.MarshalExtJSON(bson.D{{"indexes", indexes}, {"collectionName", collection.Name()}, {"type", "collection"}}, true, false)
	return string(text), err
}

func dumpCollection(client *mongo.Client, writer *archiveWriter, of namespace) error {
	cursor, err := client.Database(of.Database).Collection(of.Collection).Find(background, bson.D{})
	if err != nil {
		return worded(err)
	}
	documents, count := []bson.Raw{}, 0
	for cursor.Next(background) {
		documents = append(documents, slices.Clone(cursor.Current))
		if count++; len(documents) == batch {
			if err := writer.documents(of, documents); err != nil {
				return err
			}
			documents = documents[:0]
		}
	}
	if err := errors.Join(cursor.Err(), writer.documents(of, documents)); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "done dumping %s.%s (%d documents)\n", of.Database, of.Collection, count)
	return writer.finish(of)
}

// mongorestore, from an archive.
func mongorestore(arguments []string) error {
	given, client, _, rest, err := toolConnection(arguments)
	if err != nil {
		return fmt.Errorf("Failed: %w", err)
	}
	if !given.has("archive") || len(rest) > 0 {
		return errors.New("Failed: a stand-in for mongorestore reads archives only: say --archive or --archive=<file>")
	}
	source := io.Reader(os.Stdin)
	if path := given.get("archive", ""); path != "" {
		if source, err = os.Open(path); err != nil {
			return fmt.Errorf("Failed: %w", err)
		}
	}
	if given.has("gzip") {
		if source, err = gzip.NewReader(source); err != nil {
			return fmt.Errorf("Failed: %w", err)
		}
	}
	if err := restore(given, client, source); err != nil {
		return fmt.Errorf("Failed: %w", err)
	}
	return nil
}

func restore(given options, client *mongo.Client, source io.Reader) error {
	namespaces, err := readPrelude(source)
	if err != nil {
		return err
	}
	dry, count := given.has("dryRun"), 0
	for _, each := range namespaces {
		if given.has("drop") && !dry {
			if err := client.Database(each.Database).Collection(each.Collection).Drop(background); err != nil {
				return worded(err)
			}
		}
	}
	err = readBody(source, namespaces, func(header block, documents []bson.Raw) error {
		count += len(documents)
		if dry || len(documents) == 0 {
			return nil
		}
		written := make([]any, len(documents))
		for number, each := range documents {
			written[number] = each
		}
		_, err := client.Database(header.Database).Collection(header.Collection).InsertMany(background, written)
		if err != nil {
			return worded(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, each := range namespaces {
		if dry || given.has("noIndexRestore") {
			break
		}
		if err := restoreIndexes(client, each); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%d document(s) restored successfully. 0 document(s) failed to restore.\n", count)
	return nil
}

func restoreIndexes(client *mongo.Client, of namespace) error {
	metadata := struct {
		Indexes []bson.D `bson:"indexes"`
	}{}
	if err := bson.UnmarshalExtJSON([]byte(of.Metadata), true, &metadata); err != nil {
		return err
	}
	wanted := bson.A{}
	for _, index := range metadata.Indexes {
		named := slices.ContainsFunc(index, func(each bson.E) bool { return each.Key == "name" && each.Value == "_id_" })
		if !named {
			wanted = append(wanted, slices.DeleteFunc(index, func(each bson.E) bool { return each.Key == "ns" || each.Key == "v" }))
		}
	}
	database := client.Database(of.Database)
	if len(wanted) == 0 { // an empty collection is one, too; else it is there already
		failed, err := mongo.CommandError{}, database.CreateCollection(background, of.Collection)
		if errors.As(err, &failed) && failed.Name == "NamespaceExists" {
			return nil
		}
		return err
	}
	command := bson.D{{"createIndexes", of.Collection}, {"indexes", wanted}}
	if err := database.RunCommand(background, command).Err(); err != nil {
		return worded(err)
	}
	return nil
}
