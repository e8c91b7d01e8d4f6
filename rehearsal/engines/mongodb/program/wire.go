package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

const (
	opReply, opQuery, opMsg = 1, 2004, 2013
	checksumPresent         = 1 << 0
	moreToCome              = 1 << 1 // no answer is wanted
	longest                 = 48000000
)

var errBreaksOff = errors.New("a message that breaks off")

// One message of MongoDB's wire protocol, as it came.
type message struct {
	bytes   []byte
	id      int32
	opcode  int32
	flags   uint32
	command bson.Raw // its command; long lists of documents may stand beside it
	beside  map[string][]bson.Raw
}

func readMessage(source io.Reader) (*message, error) {
	header := make([]byte, 16)
	if _, err := io.ReadFull(source, header); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header)
	if length < 16 || length > longest+16384 {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	read := &message{bytes: make([]byte, length)}
	copy(read.bytes, header)
	if _, err := io.ReadFull(source, read.bytes[16:]); err != nil {
		return nil, err
	}
	read.id = int32(binary.LittleEndian.Uint32(header[4:]))
	read.opcode = int32(binary.LittleEndian.Uint32(header[12:]))
	return read, nil
}

// Finds the command in a request.
func (m *message) parse() error {
	body := m.bytes[16:]
	if len(body) < 5 {
		return errors.New("a message without a body")
	}
	switch m.opcode {
	case opQuery: // old drivers greet with it: flags, a collection's name, two numbers, the command
		end := 4
		for end < len(body) && body[end] != 0 {
			end++
		}
		return m.take(body, end+9)
	case opMsg:
		m.flags = binary.LittleEndian.Uint32(body)
		return m.sections(body)
	}
	return fmt.Errorf("opcode %d", m.opcode)
}

func (m *message) sections(body []byte) error {
	end := len(body)
	if m.flags&checksumPresent != 0 {
		end -= 4
	}
	m.beside = map[string][]bson.Raw{}
	for at := 4; at+5 <= end; {
		kind, size := body[at], int(binary.LittleEndian.Uint32(body[at+1:]))
		at++
		if size < 5 || at+size > end {
			return errBreaksOff
		}
		if kind == 0 {
			if err := m.take(body, at); err != nil {
				return err
			}
		} else if err := m.sequence(body[at+4 : at+size]); err != nil {
			return err
		}
		at += size
	}
	if m.command == nil {
		return errors.New("a message without a command")
	}
	return nil
}

// A list of documents: its name, then one after the other.
func (m *message) sequence(content []byte) error {
	name, documents, found := bytes.Cut(content, []byte{0})
	for found && len(documents) > 0 {
		document, rest, whole := bsoncore.ReadDocument(documents)
		if !whole {
			return errBreaksOff
		}
		m.beside[string(name)] = append(m.beside[string(name)], bson.Raw(document))
		documents = rest
	}
	return nil
}

func (m *message) take(body []byte, at int) error {
	if at > len(body) {
		return errBreaksOff
	}
	document, _, whole := bsoncore.ReadDocument(body[at:])
	if !whole {
		return errBreaksOff
	}
	m.command = bson.Raw(document)
	return m.command.Validate()
}

// An answer in the form in which it was asked.
func (m *message) answer(document any) ([]byte, error) {
	content, err := bson.Marshal(document)
	if err != nil {
		return nil, err
	}
	made := make([]byte, 16)
	if m.opcode == opQuery {
		made = binary.LittleEndian.AppendUint32(made, 8)
		made = append(made, make([]byte, 12)...) // no cursor, from the beginning
		made = binary.LittleEndian.AppendUint32(made, 1)
		binary.LittleEndian.PutUint32(made[12:], opReply)
	} else {
		made = append(made, 0, 0, 0, 0, 0)
		binary.LittleEndian.PutUint32(made[12:], opMsg)
	}
	made = append(made, content...)
	binary.LittleEndian.PutUint32(made, uint32(len(made)))
	binary.LittleEndian.PutUint32(made[8:], uint32(m.id))
	return made, nil
}

// Sends a message and reads the answer.
func exchange(connection io.ReadWriter, asked []byte) (*message, error) {
	if _, err := connection.Write(asked); err != nil {
		return nil, err
	}
	return readMessage(connection)
}
