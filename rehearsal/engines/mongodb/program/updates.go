package main

import (
	"go.mongodb.org/mongo-driver/bson"
)

// FerretDB keeps a connection to SQLite for every update of a command until all are done, and has a hundred: a command
// with more waits for itself for ever. So a long one goes to it in pieces.
const fewest = 20

func updatesIn(asked *message) []bson.Raw {
	if found := asked.beside["updates"]; found != nil {
		return found
	}
	found := []bson.Raw{}
	list, _ := asked.command.Lookup("updates").ArrayOK()
	values, _ := list.Values()
	for _, each := range values {
		if document, ok := each.DocumentOK(); ok {
			found = append(found, document)
		}
	}
	return found
}

func (s *session) inPieces(command bson.Raw, updates []bson.Raw) (bson.D, error) {
	rest := bson.D{}
	if err := bson.Unmarshal(command, &rest); err != nil {
		return nil, err
	}
	ordered, said := command.Lookup("ordered").BooleanOK()
	total := struct {
		matched, changed int64
		upserted, failed bson.A
	}{}
	for begin := 0; begin < len(updates); begin += fewest {
		piece := bson.D{}
		for _, each := range rest {
			if each.Key != "updates" {
				piece = append(piece, each)
			}
		}
		piece = append(piece, bson.E{"updates", updates[begin:min(begin+fewest, len(updates))]})
		sent, err := (&message{opcode: opMsg}).answer(piece)
		if err != nil {
			return nil, err
		}
		answer, err := exchange(s.documents, sent)
		if err != nil {
			return nil, err
		}
		if err := answer.parse(); err != nil {
			return nil, err
		}
		if errmsg := text(answer.command, "errmsg"); errmsg != "" {
			return nil, refused(int32(answer.command.Lookup("code").AsInt64()), text(answer.command, "codeName"), "%s", errmsg)
		}
		matched, _ := answer.command.Lookup("n").AsInt64OK()
		changed, _ := answer.command.Lookup("nModified").AsInt64OK()
		total.matched, total.changed = total.matched+matched, total.changed+changed
		total.upserted = append(total.upserted, moved(answer.command, "upserted", begin)...)
		total.failed = append(total.failed, moved(answer.command, "writeErrors", begin)...)
		if len(total.failed) > 0 && (ordered || !said) {
			break
		}
	}
	document := bson.D{{"n", int32(total.matched)}, {"nModified", int32(total.changed)}}
	if len(total.upserted) > 0 {
		document = append(document, bson.E{"upserted", total.upserted})
	}
	if len(total.failed) > 0 {
		document = append(document, bson.E{"writeErrors", total.failed})
	}
	return document, nil
}

// What an answer says of single updates, with their place in the whole command.
func moved(answer bson.Raw, key string, by int) bson.A {
	found := bson.A{}
	list, _ := answer.Lookup(key).ArrayOK()
	values, _ := list.Values()
	for _, each := range values {
		document := bson.D{}
		if each.Unmarshal(&document) != nil {
			continue
		}
		for number, field := range document {
			if index, ok := field.Value.(int32); ok && field.Key == "index" {
				document[number].Value = index + int32(by)
			}
		}
		found = append(found, document)
	}
	return found
}
